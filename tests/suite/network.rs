//! An origin that is not there, or is not what it should be: exit code 3, and nothing changed.

use crate::http::Origin;
use crate::machine::Machine;
use crate::world::{NOWHERE, world};

const PATIENCE: [&str; 4] = ["--max-retries", "1", "--retry-delay", "0"];

fn refused(url: &str) {
    let machine = Machine::installed(10, &[]);
    for command in [&["update"][..], &["bundle-add", "editors"], &["check-update"]] {
        machine.refuses(3, command.iter().chain(&["--url", url]).chain(&PATIENCE));
    }
    let empty = Machine::empty();
    assert_eq!(empty.install(url, 10, &[]).code, 3);
    assert!(!empty.path("usr").exists());
}

#[test]
fn nothing_listens() {
    refused(NOWHERE);
}

#[test]
fn a_captive_portal_answers_with_its_page() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 52\r\nConnection: close\r\n\r\n\
        <!doctype html><title>Log in</title><p>Please log in";
    refused(&Origin::answering(answer).url);
}

#[test]
fn the_server_is_broken() {
    refused(&Origin::answering("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").url);
}

#[test]
fn the_publication_is_not_there() {
    refused(&Origin::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").url);
}

#[test]
fn the_connection_is_cut() {
    refused(&Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{\"signed\":").url);
}

#[test]
fn a_mirror_that_is_down_is_passed_over() {
    let machine = Machine::installed(10, &[]);
    let arguments = ["update", "--url", NOWHERE, "--url", &world().server.url];
    machine.client(arguments.iter().chain(&PATIENCE)).success().expect("the second mirror serves");
    machine.assert_holds(20, &[]);
}
