//! Plain tables on standard output.

/// A table that is printed when it is complete.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Prints the title, and keeps the names of the columns.
    pub fn new(title: &str, columns: &[&str]) -> Self {
        println!("\n{title}");
        Self {
            rows: vec![columns.iter().map(|&column| column.to_owned()).collect()],
        }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints the first column to the left, the figures to the right.
    pub fn print(self) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                line += &match column {
                    0 => format!("  {cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
            }
            println!("{}", line.trim_end());
        }
    }
}

/// A ratio; a dash if the divisor is 0.
pub fn ratio(of: f64, by: f64) -> String {
    if by == 0.0 {
        return "-".to_owned();
    }
    format!("{:.3}", of / by)
}

/// A quotient; a dash if the divisor is 0.
pub fn per(of: f64, by: f64) -> String {
    if by == 0.0 {
        return "-".to_owned();
    }
    format!("{:.1}", of / by)
}

/// Milliseconds of nanoseconds.
pub fn ms(ns: f64) -> String {
    format!("{:.2}", ns / 1e6)
}

/// Mebibytes of bytes.
pub fn mib(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / f64::from(1 << 20))
}

/// The median.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (Some(high), 0) => (sorted[middle - 1] + high) / 2.0,
        (Some(value), _) => *value,
        (None, _) => 0.0,
    }
}
