// Where charts stand. Every one has a caption in words, and a table in its section says the same.

const probe = document.body.appendChild(element("span", { hidden: true }));

/** A colour of the style sheet as it is in the theme in force. */
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** A figure of the page: drawn at once near the window, elsewhere when there is time, and anew for other rows. */
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
  show({ label, key = [], height = 0, make = null }) {
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
