//! Files that are as long as they may be, and awkward.

use std::time::{Duration, Instant};

use super::*;

/// Many times what any of them takes in an unoptimised program, and less than the first and the second took when a line
/// or a value was copied for each of its parts.
const LIMIT: Duration = Duration::from_secs(30);

/// A file of the most bytes that are read: a head, and then a part again and again.
fn long(head: &str, part: &str) -> String {
    let count = (MAX_FILE_BYTES as usize - head.len()) / part.len();
    format!("{head}{}", part.repeat(count))
}

#[test]
fn long_files_take_time_in_proportion_or_are_refused() {
    let circle = format!("[DEFAULT]\ne=\na={}\nb=$a{}\n", "$b".repeat(100_000), "$e".repeat(1_800_000));
    let strangers = (0..280_000).map(|n| format!("k{n}=$g.x\n")).collect::<String>();
    let cases = [
        ("ini", "a line that goes on and on", long("k=\\\n", "a\\\n")),
        ("oslo", "a value that stands for itself", long("[DEFAULT]\nk=", "$k")),
        ("oslo", "references to a group that nobody knows", format!("[DEFAULT]\n{strangers}")),
        ("oslo", "a list of nothing, named often", long(&format!("[DEFAULT]\nl={}\nk=", ",".repeat(2 << 20)), "$l")),
        ("oslo", "a long circle of nothing", circle),
        ("json", "brackets", long("", "[")),
        ("yaml", "brackets", long("", "[")),
        ("toml", "tables", long("", "[[a]]\n")),
    ];
    for (model, what, text) in cases {
        let app = app(&format!("model = '{model}'\nlists = ['DEFAULT.l']"));
        let began = Instant::now();
        // Whether it is taken is not what this is about.
        let layers = app.layers(&snapshot(&[(SHIPPED, &text)]), WithOverrides::Yes);
        _ = layers.and_then(|layers| effective("x", &app.declaration, &Options::default(), &layers));
        let took = began.elapsed();
        assert!(took < LIMIT, "{model}, {what}: {took:?}");
    }
}
