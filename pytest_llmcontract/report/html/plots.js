// What the charts draw, in Bokeh's words.

const rowsHeight = (rows) => rows * 24 + 62;
const LEVELS_HEIGHT = 300;
const FONT = "system-ui, sans-serif";

/** An empty figure in the page's type and colours. */
function plot(options) {
  const made = Bokeh.Plotting.figure({
    sizing_mode: "stretch_width",
    toolbar_location: null,
    tools: [],
    min_border_right: 16,
    background_fill_color: null,
    border_fill_color: null,
    outline_line_color: null,
    ...options,
  });
  for (const axis of made.axes) {
    axis.setv({
      axis_line_color: colour("line"),
      major_tick_line_color: colour("line"),
      minor_tick_line_color: null,
      major_label_text_color: colour("muted"),
      major_label_text_font: FONT,
      major_label_text_font_size: "12px",
      axis_label_text_color: colour("muted"),
      axis_label_text_font: FONT,
      axis_label_text_font_size: "12px",
      axis_label_text_font_style: "normal",
    });
  }
  for (const grid of made.grids) grid.setv({ grid_line_color: colour("line"), grid_line_alpha: 0.6 });
  return made;
}

/** A figure with a row for each of *names*, the first on top; the names leave most of *width* pixels to the rows. */
function plotOfRows(names, width, options) {
  const letters = Math.floor(width / 24) + 7;
  const y_range = new Bokeh.Range1d({ start: names.length - 0.4, end: -0.6 });
  const made = plot({ height: rowsHeight(names.length), y_range, ...options });
  made.yaxes[0].setv({
    ticker: new Bokeh.FixedTicker({ ticks: names.map((_, row) => row) }),
    major_label_overrides: new Map(names.map((name, row) => [row, shortened(name, letters)])),
    major_label_text_color: colour("text"),
    major_tick_line_color: null,
    axis_line_color: null,
  });
  made.ygrids[0].setv({ grid_line_color: null });
  return made;
}

/** Bokeh keeps columns: one for each of *facts*, of all *rows*. */
function columns(rows, facts) {
  const data = {};
  for (const [name, fact] of Object.entries(facts)) data[name] = rows.map(fact);
  return new Bokeh.ColumnDataSource({ data });
}

const X = { field: "x" };
const Y = { field: "y" };

// Time

/** How to tell calls apart: by virtual second, `at`, or by `number` where for most of them no time has passed. */
const axisFor = (calls) => (2 * calls.filter((call) => call.at > 0).length >= calls.length ? "at" : "number");

const AXES = {
  at: {
    label: "virtual seconds since the test began",
    range: (end) => ({ start: -0.02 * end, end: 1.03 * end }),
    ticker: {},
  },
  days: {
    label: "virtual days since the test began",
    range: (end) => ({ start: -0.02 * end, end: 1.03 * end }),
    ticker: {},
  },
  number: {
    label: "call number in its test",
    range: (end) => ({ start: 0.5, end: end + 0.5 }),
    ticker: { min_interval: 1 },
  },
};

/** The options of a figure whose x axis is *axis*, up to *end*. */
const timed = (axis, end) => ({ x_axis_label: AXES[axis].label, x_range: new Bokeh.Range1d(AXES[axis].range(end)) });
const timeTicker = (axis) => new Bokeh.AdaptiveTicker(AXES[axis].ticker);

// The timeline

/** Of a row: what was answered lies below its middle and what was not above it, so that neither hides the other. */
const LANE = 0.2;

/** Every call of *tests*, a row for each test; outcome by marker and colour. A press on one opens it. */
function timelinePlot(tests, calls, axis, width, open) {
  const row = new Map(tests.map((test, index) => [test.index, index]));
  const shades = Object.fromEntries(Object.keys(OUTCOMES).map((name) => [name, colour(name)]));
  const source = columns(calls, {
    x: (call) => call[axis],
    end: (call) => call.at + call.took,
    y: (call) => row.get(call.test) + (call.outcome === "ok" ? LANE : -LANE),
    marker: (call) => OUTCOMES[call.outcome].marker,
    size: (call) => (call.outcome === "ok" ? 8 : 9),
    shade: (call) => shades[call.outcome],
    answer: answerOf,
    model: (call) => `${call.provider} ${call.model}`,
    when: (call) => `${duration(call.at)}, took ${duration(call.took)}`,
  });
  const end = largest(axis === "at" ? source.data.end : source.data.x, 0.001);
  const made = plotOfRows(tests.map((test) => testName(test.id)), width, timed(axis, end));
  made.xaxes[0].ticker = timeTicker(axis);
  const shade = { field: "shade" };
  if (axis === "at") {
    made.segment(X, Y, { field: "end" }, Y, { source, line_width: 5, line_alpha: 0.35, line_color: shade });
  }
  const dots = made.scatter(X, Y, {
    source,
    size: { field: "size" },
    marker: { field: "marker" },
    fill_color: shade,
    fill_alpha: 0.7,
    line_color: shade,
    line_width: 2,
  });
  const tooltips = [["answer", "@answer"], ["model", "@model"], ["at", "@when"]];
  made.add_tools(new Bokeh.HoverTool({ renderers: [dots], tooltips }), new Bokeh.TapTool({ renderers: [dots] }));
  source.selected.change.connect(() => {
    const [index] = source.selected.indices;
    if (index === undefined) return;
    source.selected.indices = [];
    open(calls[index]);
  });
  return made;
}

const DAY = 86_400;

/** Every event of *accounts*, a row for each account; its kind by marker, colour and height, so that none hides another. */
function happeningsPlot(accounts, events, width) {
  const row = new Map(accounts.map((account, index) => [account.key, index]));
  const kinds = Object.entries(HAPPENINGS);
  const shades = Object.fromEntries(kinds.map(([name, { shade }]) => [name, colour(shade)]));
  const axis = largest(events.map((event) => event.at)) > 3 * DAY ? "days" : "at";
  const source = columns(events, {
    x: (event) => (axis === "days" ? event.at / DAY : event.at),
    y: (event) => row.get(accountOf(event)) + 0.13 * (kinds.findIndex(([name]) => name === event.kind) - 2),
    marker: (event) => HAPPENINGS[event.kind].marker,
    shade: (event) => shades[event.kind],
    what: (event) => event.what,
    sentence: (event) => event.sentence,
    when: (event) => duration(event.at),
  });
  const names = accounts.map((account) => `${testName(testOf(account).id)} ${account.provider}`);
  const made = plotOfRows(names, width, timed(axis, largest(source.data.x, 0.001)));
  made.xaxes[0].ticker = timeTicker(axis);
  const shade = { field: "shade" };
  const style = { size: 8, fill_color: shade, fill_alpha: 0.7, line_color: shade, line_width: 2 };
  const dots = made.scatter(X, Y, { source, marker: { field: "marker" }, ...style });
  made.add_tools(new Bokeh.HoverTool({ renderers: [dots], tooltips: [["@what", "@sentence"], ["at", "@when"]] }));
  return made;
}

// Levels

/** How lines differ besides their colour. */
const LINES = [
  { dash: "solid", sign: "──" },
  { dash: [8, 4], sign: "╌╌" },
  { dash: [2, 3], sign: "┈┈" },
  { dash: [10, 3, 2, 3], sign: "─·" },
  { dash: [16, 4], sign: "─ ─" },
  { dash: [4, 8], sign: "╌ ╌" },
];

/** How full limits were after each call, a line for each, and the refusals on them. */
function levelsPlot(lines, axis) {
  const points = lines.flatMap((line) => line.points);
  const top = 1.08 * largest(points.map((point) => point.percent), 100);
  const made = plot({
    height: LEVELS_HEIGHT,
    y_axis_label: "% of the limit",
    y_range: new Bokeh.Range1d({ start: 0, end: top }),
    ...timed(axis, largest(points.map((point) => point.x), 0.001)),
  });
  made.xaxes[0].ticker = timeTicker(axis);
  made.add_layout(new Bokeh.Span({ location: 100, dimension: "width", line_color: colour("limit") }));
  lines.forEach((line, index) => drawLevels(made, line, index));
  return made;
}

function drawLevels(made, { name, points }, index) {
  const facts = { x: (point) => point.x, y: (point) => point.percent, name: () => name, level: (point) => point.level };
  const source = columns(points, facts);
  const shade = colour(`series-${index + 1}`);
  made.line(X, Y, { source, line_color: shade, line_width: 1.5, line_dash: LINES[index].dash });
  const dots = made.scatter(X, Y, { source, size: 5, fill_color: shade, line_color: shade });
  const tooltips = [["limit", "@name"], ["level", "@level"], ["at", "@x{0.[00]}"]];
  made.add_tools(new Bokeh.HoverTool({ renderers: [dots], tooltips }));
  const refused = columns(points.filter((point) => point.refused), facts);
  made.scatter(X, Y, { source: refused, size: 13, marker: "x", line_color: colour("limit"), line_width: 3 });
}

// Bars

/** A bar for each of *groups*, made of *parts* that stand behind each other, with the sum at its end. */
function barsPlot(groups, { parts, unit, written, ticks, width }) {
  const end = groups.map((group) => parts.reduce((total, { fact }) => total + fact(group), 0));
  const made = plotOfRows(groups.map((group) => group.name), width, {
    x_axis_label: unit,
    x_range: new Bokeh.Range1d({ start: 0, end: 1.3 * largest(end) }),
  });
  made.xaxes[0].setv({
    formatter: new Bokeh.NumeralTickFormatter({ format: ticks }),
    ticker: new Bokeh.BasicTicker({ desired_num_ticks: 4 }),
  });
  const y = (_, row) => row;
  let before = () => 0;
  for (const { shade, fact } of parts) {
    const left = before;
    const right = (group) => left(group) + fact(group);
    made.hbar({
      source: columns(groups, { y, left, right }),
      y: Y,
      left: { field: "left" },
      right: { field: "right" },
      height: 0.6,
      fill_color: colour(shade),
      fill_alpha: 0.85,
      line_color: colour(shade),
    });
    before = right;
  }
  made.text(X, Y, { field: "text" }, {
    source: columns(groups, { x: (_, row) => end[row], y, text: (_, row) => written(end[row]) }),
    x_offset: 6,
    text_baseline: "middle",
    text_color: colour("muted"),
    text_font: FONT,
    text_font_size: "12px",
  });
  return made;
}
