//! The live table: redrawn in place on a terminal, one summary line a tick elsewhere.

use std::io::{IsTerminal, Write};

/// Draws frames over each other where that is possible.
#[derive(Debug)]
pub struct Table {
    in_place: bool,
    drawn: usize,
}

impl Table {
    /// A table on standard output.
    pub fn on_stdout() -> Self {
        Self { in_place: std::io::stdout().is_terminal(), drawn: 0 }
    }

    /// Shows a frame: all lines on a terminal, only `summary` elsewhere.
    pub fn draw(&mut self, summary: &str, lines: &[String]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if !self.in_place {
            writeln!(out, "{summary}")?;
            return out.flush();
        }
        if self.drawn > 0 {
            write!(out, "\x1b[{}A", self.drawn)?;
        }
        write!(out, "\x1b[J")?;
        for line in lines {
            writeln!(out, "{line}")?;
        }
        self.drawn = lines.len();
        out.flush()
    }
}

/// Lays out rows in columns: the first left-aligned, the others right-aligned.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "12".into()], vec!["bcd".into(), "3".into()]];
        assert_eq!(columns(&rows), ["a    12", "bcd   3"]);
    }
}
