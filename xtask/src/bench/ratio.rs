//! What a peer needed, divided by what we needed in the same run.

use super::origin::Traffic;
use super::peers::{Peer, Side};
use super::table::Row;
use super::usage::Usage;

/// One peer beside us: quotients, none where there is nothing to divide.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    name: &'static str,
    figures: [Option<f64>; 6],
}

/// The columns after the name.
const COLUMNS: [&str; 6] = ["bytes", "requests", "client CPU", "client RSS", "client wall", "publisher CPU"];

/// All of one side that one system did for the step.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    traffic: Option<Traffic>,
    usage: Usage,
}

/// The peers beside our update and, where it was measured, what our publisher did for the same step.
pub fn ratios(peers: &[Peer], update: &Row, publisher: Option<&Row>) -> Vec<Ratio> {
    let mut names: Vec<&'static str> = peers.iter().map(|peer| peer.name).collect();
    names.dedup();
    let sum = |name: &str, side: Side| -> Option<Sum> {
        let rows = peers.iter().filter(|peer| peer.name == name && peer.side == side).map(|peer| &peer.row);
        rows.map(Sum::of).reduce(Sum::then)
    };
    let ours = Sum::of(update);
    let of = |name| {
        let (client, making) = (sum(name, Side::Client), sum(name, Side::Publisher));
        let traffic = |figure: fn(&Traffic) -> u64| {
            Some((client?.traffic.as_ref().map(figure)? as f64, ours.traffic.as_ref().map(figure)? as f64))
        };
        let usage = |figure: fn(&Usage) -> f64| Some((figure(&client?.usage), figure(&ours.usage)));
        let published = making.zip(publisher).map(|(peer, row)| (peer.usage.cpu_s(), row.usage.cpu_s()));
        let figures = [
            traffic(Traffic::bytes),
            traffic(|traffic| traffic.requests),
            usage(Usage::cpu_s),
            usage(|usage| usage.resident as f64),
            usage(|usage| usage.wall_s),
            published,
        ];
        Ratio {
            name,
            figures: figures.map(|pair| pair.filter(|(_, ours)| *ours > 0.0).map(|(peer, ours)| peer / ours)),
        }
    };
    names.into_iter().map(of).collect()
}

impl Sum {
    fn of(row: &Row) -> Self {
        Self { traffic: row.traffic, usage: row.usage }
    }

    fn then(self, next: Self) -> Self {
        Self { traffic: self.traffic.or(next.traffic), usage: self.usage.then(next.usage) }
    }
}

impl Ratio {
    /// The head for the terminal.
    pub fn head() -> String {
        let mut line = format!("{:<16}", "peer / ours");
        line.extend(COLUMNS.map(|column| format!("{column:>14}")));
        line
    }

    /// The line for the terminal.
    pub fn line(&self) -> String {
        let mut line = format!("{:<16}", self.name);
        line.extend(self.told().map(|figure| format!("{figure:>14}")));
        line
    }

    /// The head in Markdown.
    pub fn markdown_head() -> String {
        format!("| peer / ours | {} |\n|---|{}\n", COLUMNS.join(" | "), "--:|".repeat(COLUMNS.len()))
    }

    /// The line in Markdown.
    pub fn markdown(&self) -> String {
        format!("| {} | {} |\n", self.name, self.told().join(" | "))
    }

    fn told(&self) -> [String; 6] {
        self.figures.map(|figure| figure.map_or_else(String::new, |figure| format!("{figure:.2}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: Option<u64>, user_s: f64, wall_s: f64) -> Row {
        let traffic = bytes.map(|body| Traffic { requests: 2, body, wire: None, refused: 0 });
        Row { name: String::new(), traffic, usage: Usage { user_s, wall_s, resident: 8, ..Usage::default() } }
    }

    #[test]
    fn rows_of_one_side_are_added_up() {
        let peers = [
            Peer { name: "ostree", side: Side::Publisher, row: row(None, 30.0, 1.0) },
            Peer { name: "ostree", side: Side::Client, row: row(Some(50), 3.0, 1.0) },
            Peer { name: "ostree", side: Side::Client, row: row(None, 1.0, 1.0) },
            Peer { name: "rsync", side: Side::Client, row: row(Some(10), 1.0, 1.0) },
        ];
        let told = |publisher: Option<&Row>| -> Vec<String> {
            ratios(&peers, &row(Some(20), 2.0, 4.0), publisher).iter().map(Ratio::markdown).collect()
        };
        let ostree = "| ostree | 2.50 | 1.00 | 2.00 | 1.00 | 0.50 | 3.00 |\n";
        assert_eq!(told(Some(&row(None, 10.0, 0.0))), [ostree, "| rsync | 0.50 | 1.00 | 0.50 | 1.00 | 0.25 |  |\n"]);
        assert!(told(None)[0].ends_with("| 0.50 |  |\n"));
    }
}
