// The charts, drawn by Bokeh. Every one has a caption in words and a table in its section that says the same.

const probe = document.body.appendChild(element("span", { hidden: true }));

/** A colour of the style sheet as it is in the theme in force. */
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

const rowsHeight = (rows) => rows * 24 + 62;
const LEVELS_HEIGHT = 300;

/** A figure of the page: drawn at once near the window, elsewhere when there is time; anew for other rows or colours. */
class Chart {
  #make = null;
  #view = null;
  #near = false;
  #stale = false;
  #later = 0;
  #turn = Promise.resolve();

  constructor(place, { zoom = false } = {}) {
    this.caption = element("figcaption");
    this.key = element("ul", { class: "key" });
    this.box = element("div", { class: "chart", role: "img" });
    this.place = place;
    place.replaceChildren(this.caption, this.key, this.box, zoom ? this.#zoomButtons() : "");
    const watch = new IntersectionObserver(([entry]) => {
      this.#near = entry.isIntersecting;
      if (this.#near && this.#stale) this.draw();
    }, { rootMargin: "400px" });
    watch.observe(place);
  }

  /** Show what `make(width)` returns, a Bokeh figure of *height*; without it only `label`, which says it in words. */
  show(label, key = [], height = 0, make = null) {
    this.caption.textContent = label;
    this.box.setAttribute("aria-label", label);
    this.box.style.height = `${height}px`;
    this.key.replaceChildren(...key.map(([kind, sign, word]) => element("li", {}, mark(kind, sign), word)));
    this.place.classList.toggle("empty", !make);
    this.#make = make;
    this.redraw();
  }

  /** What is drawn is no longer right. */
  redraw() {
    this.#stale = true;
    this.box.ariaBusy = "true";
    clearTimeout(this.#later);
    if (this.#near) this.draw();
    else this.#later = setTimeout(() => this.draw(), 1000);
  }

  /** Bokeh builds a view in its own time: one after the other, and of several that wait only the last. */
  draw() {
    this.#turn = this.#turn.then(async () => {
      if (!this.#stale) return;
      this.#stale = false;
      this.#clear();
      if (this.#make) {
        this.plot = this.#make(this.box.clientWidth);
        this.plot.name = this.place.id;
        this.#view = await Bokeh.Plotting.show(this.plot, this.box);
      }
      this.box.ariaBusy = String(this.#stale);
    });
    return this.#turn;
  }

  /** Bokeh would keep every document and view that it ever showed. */
  #clear() {
    if (!this.#view) return;
    this.#view = null;
    const shown = this.plot.document;
    shown.views_manager.clear();
    Bokeh.documents.splice(Bokeh.documents.indexOf(shown), 1);
  }

  /** A copy that paper can shrink to its width: printing waits for no chart to be drawn anew. */
  copyForPaper() {
    const copy = this.#view?.export("png").canvas;
    if (!copy) return;
    copy.className = "paper";
    this.box.after(copy);
  }

  #zoomButtons() {
    const scaled = (factor, shift = 0) => () => {
      const range = this.plot.x_range;
      const half = ((range.end - range.start) * factor) / 2;
      const middle = (range.start + range.end) / 2 + shift * half;
      range.setv({ start: middle - half, end: middle + half });
    };
    const button = (sign, label, onclick) =>
      element("button", { type: "button", "aria-label": label, title: label, onclick }, sign);
    return element("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
      button("+", "Zoom in", scaled(0.5)),
      button("−", "Zoom out", scaled(2)),
      button("←", "Earlier", scaled(1, -0.5)),
      button("→", "Later", scaled(1, 0.5)),
      button("Whole", "Zoom out to the whole", () => this.plot.x_range.reset()));
  }
}

/** An empty figure in the page's type and colours. */
function plot(options) {
  const made = Bokeh.Plotting.figure({
    sizing_mode: "stretch_width", toolbar_location: null, tools: [], min_border_right: 16,
    background_fill_color: null, border_fill_color: null, outline_line_color: null, ...options,
  });
  const type = "system-ui, sans-serif";
  for (const axis of made.axes) {
    axis.setv({
      axis_line_color: colour("line"), major_tick_line_color: colour("line"), minor_tick_line_color: null,
      major_label_text_color: colour("muted"), major_label_text_font: type, major_label_text_font_size: "12px",
      axis_label_text_color: colour("muted"), axis_label_text_font: type, axis_label_text_font_size: "12px",
      axis_label_text_font_style: "normal",
    });
  }
  for (const grid of made.grids) grid.setv({ grid_line_color: colour("line"), grid_line_alpha: 0.6 });
  return made;
}

/** A figure with a named row for each of *names*, the first on top; names take at most a third of *width* pixels. */
function plotOfRows(names, xLabel, x_range, width) {
  const made = plot({
    height: rowsHeight(names.length), x_axis_label: xLabel, x_range,
    y_range: new Bokeh.Range1d({ start: names.length - 0.4, end: -0.6 }),
  });
  made.yaxes[0].setv({
    ticker: new Bokeh.FixedTicker({ ticks: names.map((_, row) => row) }),
    major_label_overrides: new Map(names.map((name, row) => [row, shortened(name, Math.floor(width / 24) + 7)])),
    major_tick_line_color: null, axis_line_color: null, major_label_text_color: colour("text"),
  });
  made.ygrids[0].setv({ grid_line_color: null });
  return made;
}

/** From the beginning to *end* of a timeline, a little wider, in whole ticks if it counts calls. */
const timeRange = (axis, end) =>
  axis === "at" ? new Bokeh.Range1d({ start: -0.02 * end, end: 1.03 * end }) : new Bokeh.Range1d({ start: 0.5, end: end + 0.5 });
const timeTicker = (axis) => new Bokeh.AdaptiveTicker(axis === "at" ? {} : { min_interval: 1 });

function columns(rows, facts) {
  const data = {};
  for (const [name, fact] of Object.entries(facts)) data[name] = rows.map(fact);
  return new Bokeh.ColumnDataSource({ data });
}

/** How to tell calls apart: by virtual second, `at`, or by `number` where for most of them no time has passed. */
const axisFor = (calls) => (2 * calls.filter((call) => call.at > 0).length >= calls.length ? "at" : "number");
const AXIS_LABELS = { at: "virtual seconds since the test began", number: "call number in its test" };

/** Every call of *tests*, a row for each test; outcome by marker and colour. */
function timelinePlot(tests, calls, axis, width) {
  const row = new Map(tests.map((test, index) => [test.index, index]));
  const end = Math.max(...calls.map((call) => call[axis] + (axis === "at" ? call.took : 0)), 0.001);
  const made = plotOfRows(tests.map((test) => testName(test.id)), AXIS_LABELS[axis], timeRange(axis, end), width);
  made.xaxes[0].ticker = timeTicker(axis);
  const facts = {
    x: (call) => call[axis],
    end: (call) => call.at + call.took,
    y: (call) => row.get(call.test),
    marker: (call) => OUTCOMES[call.outcome].marker,
    color: (call) => colours[call.outcome],
    what: (call) => `${call.status ?? "no reply"} ${call.error}`,
    model: (call) => `${call.provider} ${call.model}`,
    when: (call) => `${duration(call.at)}, took ${duration(call.took)}`,
  };
  const colours = Object.fromEntries(Object.keys(OUTCOMES).map((name) => [name, colour(name)]));
  // What went wrong is drawn last and so lies on top.
  const source = columns([...calls].sort((a, b) => (a.outcome !== "ok") - (b.outcome !== "ok")), facts);
  if (axis === "at") {
    made.segment({ field: "x" }, { field: "y" }, { field: "end" }, { field: "y" },
      { source, line_width: 5, line_alpha: 0.35, line_color: { field: "color" } });
  }
  const dots = made.scatter({ field: "x" }, { field: "y" }, {
    source, size: 8, marker: { field: "marker" }, fill_color: { field: "color" }, line_color: { field: "color" },
    fill_alpha: 0.75, line_width: 1.5,
  });
  made.add_tools(new Bokeh.HoverTool({
    renderers: [dots], tooltips: [["answer", "@what"], ["model", "@model"], ["at", "@when"]],
  }));
  return made;
}

/** How lines differ besides their colour. */
const LINES = [
  { dash: "solid", sign: "──" },
  { dash: [8, 4], sign: "╌╌" },
  { dash: [2, 3], sign: "┈┈" },
  { dash: [10, 3, 2, 3], sign: "─·" },
  { dash: [16, 4], sign: "─ ─" },
  { dash: [4, 8], sign: "╌ ╌" },
];

/** How full *series* were after each call, in percent, and the refusals on them. */
function levelsPlot(series, axis) {
  const points = series.flatMap((line) => line.points);
  const top = Math.max(100, ...points.map((point) => point.percent));
  const end = Math.max(...points.map((point) => point.x), 0.001);
  const made = plot({
    height: LEVELS_HEIGHT, x_axis_label: AXIS_LABELS[axis], y_axis_label: "% of the limit",
    x_range: timeRange(axis, end), y_range: new Bokeh.Range1d({ start: 0, end: top * 1.08 }),
  });
  made.xaxes[0].ticker = timeTicker(axis);
  made.add_layout(new Bokeh.Span({ location: 100, dimension: "width", line_color: colour("limit"), line_width: 1 }));
  series.forEach((line, index) => {
    const source = columns(line.points, {
      x: (point) => point.x, y: (point) => point.percent, name: () => line.name, level: (point) => point.level,
    });
    const shade = colour(`series-${index + 1}`);
    made.line({ field: "x" }, { field: "y" }, { source, line_color: shade, line_width: 1.5, line_dash: LINES[index].dash });
    const dots = made.scatter({ field: "x" }, { field: "y" }, { source, size: 5, fill_color: shade, line_color: shade });
    made.add_tools(new Bokeh.HoverTool({
      renderers: [dots], tooltips: [["limit", "@name"], ["level", "@level"], ["at", "@x{0.[00]}"]],
    }));
    const refused = columns(line.points.filter((point) => point.refused), {
      x: (point) => point.x, y: (point) => point.percent,
    });
    made.scatter({ field: "x" }, { field: "y" }, {
      source: refused, size: 13, marker: "x", line_color: colour("limit"), line_width: 3,
    });
  });
  return made;
}

/** Bars of one row each; *parts* are `[colour, alpha, fact]` that stand behind each other. */
function barsPlot(groups, parts, xLabel, format, width) {
  const totalOf = (group) => parts.reduce((total, [, , fact]) => total + fact(group), 0);
  const end = Math.max(...groups.map(totalOf)) || 1;
  const made = plotOfRows(groups.map((group) => group.name), xLabel, new Bokeh.Range1d({ start: 0, end: 1.3 * end }), width);
  made.xaxes[0].setv({ formatter: new Bokeh.NumeralTickFormatter({ format }), ticker: new Bokeh.BasicTicker({ desired_num_ticks: 4 }) });
  let before = () => 0;
  for (const [shade, alpha, fact] of parts) {
    const left = before;
    const right = (group) => left(group) + fact(group);
    made.hbar({
      source: columns(groups, { y: (group) => group.row, left, right }),
      y: { field: "y" }, left: { field: "left" }, right: { field: "right" }, height: 0.6,
      fill_color: shade, fill_alpha: alpha, line_color: shade,
    });
    before = right;
  }
  made.text({ field: "x" }, { field: "y" }, { field: "text" }, {
    source: columns(groups, { x: totalOf, y: (group) => group.row, text: (group) => group.label(totalOf(group)) }),
    x_offset: 6, text_baseline: "middle", text_color: colour("muted"), text_font: "system-ui, sans-serif", text_font_size: "12px",
  });
  return made;
}
