//! Counts from a file, and alarms as rows.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};
use jiff::{SignedDuration, Timestamp};

use super::Found;
use crate::traffic::Bin;
use crate::traffic::backtest::{Column, Table};
use crate::traffic::ensemble::Scope;

/// Series in one file.
const MAX_COLUMNS: usize = 1_000;
/// Bins of all series together: a year of minutes for thirty series.
const MAX_CELLS: usize = 16 << 20;
/// Bytes of a file.
const MAX_BYTES: u64 = 1 << 30;
/// Bytes of a series' name.
const MAX_NAME: usize = 200;
const DAY: i64 = 86_400;

/// Reads the counts of a file; what is wrong is told with its line and with what to do.
pub(super) fn read(file: &Path, reference: Option<&str>) -> Result<Table, String> {
    let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    parse(BufReader::new(opened).take(MAX_BYTES), reference)
        .map_err(|message| format!("{}: {message}", file.display()))
}

/// The rows of a file: when, on which line, and the counts of all columns one after the other.
struct Rows {
    times: Vec<(i64, u64)>,
    bins: Vec<Bin>,
}

fn parse(source: impl Read, reference: Option<&str>) -> Result<Table, String> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(source);
    let names = names(reader.headers().map_err(|error| error.to_string())?)?;
    let place = reference
        .map(|wanted| {
            names.iter().position(|name| name == wanted).ok_or_else(|| {
                format!(
                    "no column is called {wanted:?}: name one of {} as the reference",
                    names.join(", ")
                )
            })
        })
        .transpose()?;
    if place.is_some() && names.len() == 1 {
        return Err("the only column is the reference: add the column that it explains".into());
    }
    let mut rows = Rows {
        times: Vec::new(),
        bins: Vec::new(),
    };
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| error.to_string())?
    {
        let line = record.position().map_or(0, csv::Position::line);
        rows.take(&record, line, names.len())
            .map_err(|message| format!("line {line}: {message}"))?;
    }
    let (start, bin) = grid(&rows.times)?;
    let mut columns = spread(&rows, start, bin, names)?;
    let reference = place.map(|place| columns.remove(place).bins);
    Ok(Table {
        start: Timestamp::from_second(start).map_err(|error| error.to_string())?,
        bin: SignedDuration::from_secs(bin),
        columns,
        reference,
    })
}

/// The names of the columns after the first.
fn names(header: &StringRecord) -> Result<Vec<String>, String> {
    let fine = header.get(0) == Some("timestamp") && (2..=MAX_COLUMNS + 1).contains(&header.len());
    if !fine {
        return Err(format!(
            "line 1: the header must be timestamp,NAME[,NAME…] with 1 to {MAX_COLUMNS} names"
        ));
    }
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for name in header.iter().skip(1) {
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(format!(
                "line 1: {name:?} is not a column name: 1 to {MAX_NAME} bytes without control characters"
            ));
        }
        if names.iter().any(|before| before == name) {
            return Err(format!("line 1: two columns are called {name:?}: rename one"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

impl Rows {
    fn take(&mut self, record: &StringRecord, line: u64, columns: usize) -> Result<(), String> {
        let text = record.get(0).unwrap_or_default();
        let time: Timestamp = text.parse().map_err(|_| {
            format!("{text:?} is not a time: write the start of the bin as 2026-05-08T14:02:00Z")
        })?;
        let time = time.as_second();
        if let Some((before, _)) = self.times.last()
            && time <= *before
        {
            let wrong = if time == *before {
                "comes twice"
            } else {
                "goes back"
            };
            return Err(format!(
                "the time {text} {wrong}: sort the rows and keep one per bin"
            ));
        }
        if self.bins.len() + columns > MAX_CELLS {
            return Err(format!(
                "more than {MAX_CELLS} counts: split the file by time or by column"
            ));
        }
        self.times.push((time, line));
        for cell in record.iter().skip(1) {
            self.bins.push(count(cell)?);
        }
        Ok(())
    }
}

/// A count; an empty cell is nothing known.
fn count(cell: &str) -> Result<Bin, String> {
    if cell.is_empty() {
        return Ok(Bin::Missing);
    }
    cell.parse::<f64>()
        .ok()
        .filter(|count| count.is_finite() && *count >= 0.0)
        .map(Bin::Count)
        .ok_or_else(|| {
            format!("{cell:?} is not a count: write a number from 0 on, or nothing where none is known")
        })
}

/// The first time, and the most frequent distance of two times; of two that are equally frequent the shorter.
fn grid(times: &[(i64, u64)]) -> Result<(i64, i64), String> {
    let mut distances: HashMap<i64, usize> = HashMap::new();
    for ((before, _), (after, _)) in times.iter().zip(times.iter().skip(1)) {
        *distances.entry(after - before).or_default() += 1;
    }
    let bin = distances
        .into_iter()
        .max_by_key(|(distance, often)| (*often, -distance))
        .map(|(distance, _)| distance);
    let (Some((start, _)), Some(bin)) = (times.first(), bin) else {
        return Err("there are no two rows to tell the length of a bin from: add rows".into());
    };
    if bin < 60 || DAY % bin != 0 {
        return Err(format!(
            "the rows are {bin} s apart: add the counts up to bins of a minute to a day that divide a day"
        ));
    }
    Ok((*start, bin))
}

/// Puts every row into the bin whose start is nearest; bins without a row are missing.
fn spread(rows: &Rows, start: i64, bin: i64, names: Vec<String>) -> Result<Vec<Column>, String> {
    let nearest = |time: i64| usize::try_from((time - start + bin / 2) / bin).unwrap_or(usize::MAX);
    let length = rows
        .times
        .last()
        .map_or(0, |(time, _)| nearest(*time).saturating_add(1));
    if length.saturating_mul(names.len()) > MAX_CELLS {
        return Err(format!(
            "from the first row to the last there are more than {MAX_CELLS} bins of {bin} s: look for a wrong year, or split the file"
        ));
    }
    let width = names.len();
    let mut columns: Vec<Column> = names
        .into_iter()
        .map(|name| Column {
            name,
            bins: vec![Bin::Missing; length],
        })
        .collect();
    let mut taken = None;
    for ((time, line), cells) in rows.times.iter().zip(rows.bins.chunks_exact(width)) {
        let index = nearest(*time);
        if taken.replace(index) == Some(index) {
            return Err(format!(
                "line {line}: a second row for the same bin of {bin} s: keep one row per bin"
            ));
        }
        for (column, cell) in columns.iter_mut().zip(cells) {
            if let Some(bin) = column.bins.get_mut(index) {
                *bin = *cell;
            }
        }
    }
    Ok(columns)
}

/// Writes one row per alarm and tier.
pub(super) fn write(out: impl std::io::Write, found: &Found<'_>) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "scope",
        "series",
        "start",
        "end",
        "tier",
        "expected",
        "observed",
        "evidence",
        "threshold",
    ])?;
    for alarm in &found.alarms {
        let raised = &alarm.raised;
        writer.write_record([
            scope(raised.scope),
            found.table.name(raised.scope),
            &raised.at.to_string(),
            &alarm.ended.map(|(end, _)| end.to_string()).unwrap_or_default(),
            alarm.tier.as_str(),
            &format!("{:.2}", raised.expected),
            &format!("{:.2}", raised.observed),
            &format!("{:.2}", raised.evidence),
            &format!("{:.2}", raised.threshold),
        ])?;
    }
    writer.flush()?;
    Ok(())
}

/// What a scope is called in rows and objects.
pub(super) const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Series(_) => "series",
        Scope::Pool(_) => "group",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table, String> {
        parse(text.as_bytes(), None)
    }

    #[test]
    fn a_gap_between_rows_is_missing_bins_and_an_empty_cell_is_one() {
        let table = read(
            "timestamp,a,b\n2026-05-08T14:00:53Z,1,2\n2026-05-08T14:05:53Z,0,\n2026-05-08T14:10:51Z,3,4\n\
             2026-05-08T14:15:53Z,3,4\n2026-05-08T14:25:53Z,5,6\n\
             2026-05-08T14:30:53Z,7,8\n",
        )
        .unwrap();
        assert_eq!(table.bin, SignedDuration::from_mins(5));
        assert_eq!(table.start.to_string(), "2026-05-08T14:00:53Z");
        let of = |column: usize| {
            table.columns[column]
                .bins
                .iter()
                .map(|bin| bin.count())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(0),
            [
                Some(1.0),
                Some(0.0),
                Some(3.0),
                Some(3.0),
                None,
                Some(5.0),
                Some(7.0)
            ]
        );
        assert_eq!(
            of(1),
            [Some(2.0), None, Some(4.0), Some(4.0), None, Some(6.0), Some(8.0)]
        );
    }

    #[test]
    fn a_reference_is_a_column_that_is_not_judged() {
        let text = "timestamp,a,sent\n2026-05-08T14:00:00Z,1,9\n2026-05-08T14:01:00Z,1,8\n";
        let table = parse(text.as_bytes(), Some("sent")).unwrap();
        assert_eq!(table.columns.len(), 1);
        assert_eq!(table.reference, Some(vec![Bin::Count(9.0), Bin::Count(8.0)]));
        let wrong = parse(text.as_bytes(), Some("opened")).unwrap_err();
        assert!(
            wrong.contains("no column is called \"opened\": name one of a, sent"),
            "{wrong}"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_to_do() {
        let row = "2026-05-08T14:00:00Z,1\n";
        for (text, wrong) in [
            ("time,a\n".to_owned(), "line 1: the header must be timestamp,NAME"),
            ("timestamp\n".to_owned(), "line 1: the header must be"),
            (
                "timestamp,a,a\n".to_owned(),
                "line 1: two columns are called \"a\": rename one",
            ),
            ("timestamp,\u{1b}[2J\n".to_owned(), "is not a column name"),
            (format!("timestamp,a\n{row}"), "there are no two rows"),
            (
                format!("timestamp,a\n{row}{row}"),
                "line 3: the time 2026-05-08T14:00:00Z comes twice",
            ),
            (
                format!("timestamp,a\n{row}2026-05-08T13:00:00Z,1\n"),
                "line 3: the time 2026-05-08T13:00:00Z goes back",
            ),
            (
                format!("timestamp,a\n{row}yesterday,1\n"),
                "line 3: \"yesterday\" is not a time",
            ),
            (
                format!("timestamp,a\n{row}2026-05-08T14:01:00Z,-1\n"),
                "line 3: \"-1\" is not a count",
            ),
            (
                format!("timestamp,a\n{row}2026-05-08T14:01:00Z,NaN\n"),
                "line 3: \"NaN\" is not a count",
            ),
            (
                format!("timestamp,a\n{row}2026-05-08T14:00:07Z,1\n"),
                "the rows are 7 s apart",
            ),
            (format!("timestamp,a\n{row}2026-05-08T14:01:00Z,1,2\n"), "line: 3"),
            (
                format!(
                    "timestamp,a\n{row}2026-05-08T14:01:00Z,1\n2999-05-08T14:01:00Z,1\n2999-05-08T14:02:00Z,1\n"
                ),
                "look for a wrong year",
            ),
        ] {
            let told = read(&text).unwrap_err();
            assert!(told.contains(wrong), "{told}\nfor {text}");
        }
    }
}
