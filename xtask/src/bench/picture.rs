//! The ratios as a picture: bars on a logarithmic axis, from the floor's line to the left or to the right.

use super::record::{Contender, Role, Row, Verdict};

const WIDTH: f64 = 1000.0;
/// Where the axis begins and ends, and the ratios there.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 870.0;
const LOWEST: f64 = 0.2;
const HIGHEST: f64 = 50.0;
/// The space above the rows, and between them.
const TOP: f64 = 112.0;
const GAP: f64 = 10.0;
/// The heights of bars.
const OURS: f64 = 10.0;
const OTHER: f64 = 6.0;

const TICKS: [f64; 8] = [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];

/// Those who are told apart by colour; whoever is not listed is grey.
const COLOURS: [(&str, &str); 7] = [
    ("dlpark", "#c8862b"),
    ("dlpk", "#7a5aa6"),
    ("dlpack-rs", "#8c6d5a"),
    ("ndarray", "#3b78b0"),
    ("nanobind", "#3b78b0"),
    ("tvm-ffi", "#7a5aa6"),
    ("pyo3-dlpack", "#b0566b"),
];
const ALSO: &str = "#a5d3b8";
const GREY: &str = "#b5bcc4";
const MET: &str = "#2f8f5b";
const MISSED: &str = "#c23b3b";

/// Draws all rows that were timed.
pub(super) fn draw(ours: &str, rows: &[Row]) -> String {
    let heights: Vec<f64> = rows.iter().map(height).collect();
    let bottom = TOP + heights.iter().sum::<f64>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {end}\" width=\"{WIDTH}\" \
         height=\"{end}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        end = bottom + 30.0
    );
    svg += &head(ours, rows);
    svg += &axis(bottom);
    let mut y = TOP;
    for (row, height) in rows.iter().zip(heights) {
        svg += &draw_row(row, y);
        y += height;
    }
    svg + "</svg>\n"
}

/// Where a ratio is on the axis; what is beyond an end is put there.
fn x(ratio: f64) -> f64 {
    let place = (ratio / LOWEST).ln() / (HIGHEST / LOWEST).ln();
    LEFT + place.clamp(0.0, 1.0) * (RIGHT - LEFT)
}

fn head(ours: &str, rows: &[Row]) -> String {
    let mut svg = text(
        16.0,
        28.0,
        "start",
        "font-size=\"17\" font-weight=\"bold\"",
        "Time, as a ratio to a hand-written floor",
    );
    svg += &text(
        16.0,
        46.0,
        "start",
        "fill=\"#555\"",
        &format!(
            "Shorter is better; the axis is logarithmic. The line at 1× is the floor, ▼ the target of {ours}, ○ the ratio of instructions."
        ),
    );
    let entries = [("target met", MET), ("target missed", MISSED), ("otherwise", ALSO)];
    let entries = entries.map(|(what, colour)| (format!("{ours}, {what}"), colour));
    let contends = |name: &str| {
        rows.iter().flat_map(|row| &row.contenders).any(|other| other.name.starts_with(name))
    };
    let others = COLOURS.into_iter().filter(|(name, _)| contends(name));
    let others = others.chain([("written by hand", GREY)]);
    let mut at = 16.0;
    for (name, colour) in entries.into_iter().chain(others.map(|(name, c)| (name.to_owned(), c))) {
        svg += &rectangle(at, 58.0, 11.0, 11.0, colour);
        svg += &text(at + 16.0, 68.0, "start", "", &name);
        at += 34.0 + 6.0 * f64::from(u32::try_from(name.len()).unwrap_or(0));
    }
    svg
}

fn axis(bottom: f64) -> String {
    let mut svg = String::new();
    for tick in TICKS {
        let at = x(tick);
        let (colour, width) = if tick == 1.0 { ("#222", 1.5) } else { ("#ddd", 1.0) };
        svg += &format!(
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\n",
            TOP - 8.0
        );
        for y in [TOP - 14.0, bottom + 16.0] {
            svg += &text(at, y, "middle", "fill=\"#555\"", &format!("{tick}×"));
        }
    }
    svg
}

/// Those with a bar: all but the floor.
fn bars(row: &Row) -> impl Iterator<Item = &Contender> {
    row.contenders.iter().filter(|c| c.role != Role::Floor && c.time.is_some())
}

fn thickness(contender: &Contender) -> f64 {
    if contender.role == Role::Ours { OURS } else { OTHER }
}

fn height(row: &Row) -> f64 {
    GAP + bars(row).map(|contender| thickness(contender) + 1.0).sum::<f64>()
}

fn draw_row(row: &Row, top: f64) -> String {
    let middle = top + (height(row) - GAP) / 2.0 + 4.0;
    let mut svg = format!("<g><title>{}</title>\n", escape(&row.what));
    svg += &text(LEFT - 12.0, middle, "end", "", &row.name);
    let mut y = top;
    for contender in bars(row) {
        svg += &bar(row, contender, y);
        y += thickness(contender) + 1.0;
    }
    let at = x(row.target.time);
    svg += &format!(
        "<path d=\"M{:.1} {top:.1}h8l-4 6z\" transform=\"translate(0 -6)\" fill=\"#222\"/>\n",
        at - 4.0
    );
    svg + "</g>\n"
}

fn bar(row: &Row, contender: &Contender, y: f64) -> String {
    let Some(time) = contender.time else { return String::new() };
    let (one, end) = (x(1.0), x(time.ratio));
    let thickness = thickness(contender);
    let is_ours = contender.role == Role::Ours;
    let colour = if !is_ours {
        colour(contender)
    } else if row.verdict() == Verdict::Missed {
        MISSED
    } else {
        MET
    };
    let mut svg = rectangle(one.min(end), y, (end - one).abs().max(1.0), thickness, colour);
    if let Some(ratio) = row.instruction_ratio(contender) {
        svg += &format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\" fill=\"white\" stroke=\"#222\"/>\n",
            x(ratio),
            y + thickness / 2.0
        );
    }
    if is_ours {
        let (label, target) = (format!("{:.2}×", time.ratio), format!("≤ {:.2}", row.target.time));
        svg += &text(WIDTH - 12.0, y + thickness - 1.0, "end", "fill=\"#555\"", &target);
        let style = format!("font-weight=\"bold\" fill=\"{colour}\"");
        svg += &text(RIGHT + 14.0, y + thickness - 1.0, "start", &style, &label);
    }
    svg
}

fn colour(contender: &Contender) -> &'static str {
    if contender.role == Role::Also {
        return ALSO;
    }
    let known = COLOURS.iter().find(|(name, _)| contender.name.starts_with(name));
    known.map_or(GREY, |(_, colour)| colour)
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, colour: &str) -> String {
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>\n"
    )
}

fn text(x: f64, y: f64, anchor: &str, style: &str, words: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{}</text>\n",
        escape(words)
    )
}

fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::row;
    use super::*;

    #[test]
    fn the_axis_is_logarithmic_and_ends() {
        assert!((x(2.0) - x(1.0) - (x(20.0) - x(10.0))).abs() < 1e-9);
        assert!((x(0.01) - LEFT).abs() < 1e-9 && (x(1e6) - RIGHT).abs() < 1e-9);
    }

    #[test]
    fn every_contender_but_the_floor_has_a_bar() {
        let (row, other) = (row(1.0, 1.0), row(5.0, 5.0));
        // One rectangle explains the colour of the peer.
        let count = |rows: &[Row]| draw("dlpack", rows).matches("<rect ").count();
        let empty = count(&[]);
        assert_eq!(count(&[row]), empty + 3);
        assert!(draw("dlpack", &[other]).contains(&format!("fill=\"{MISSED}\">5.00×")));
    }

    #[test]
    fn words_are_escaped_and_tags_closed() {
        let mut row = row(1.0, 1.0);
        row.what = "import to &[f32] <now>".to_owned();
        let svg = draw("dlpack", &[row]);
        assert!(svg.contains("<title>import to &amp;[f32] &lt;now&gt;</title>"));
        for tag in ["svg", "text", "g", "title"] {
            let open =
                svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count();
            assert_eq!(open, svg.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
