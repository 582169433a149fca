// The gallery of report.html: filters, order, before and after, links to a pair.
//
// What comes from the run lies in one block of JSON and becomes text nodes and attributes, never markup: nothing here
// parses HTML, and the page's policy would not let it. The page is whole without this script; see report.html.
"use strict";
(() => {
  const block = document.getElementById("data");
  if (!block) return;
  const { galleries, pictures } = JSON.parse(block.textContent);

  const KINDS = [
    ["newly-failing", "Newly failing"],
    ["both-failing", "Failing on both sides"],
    ["newly-passing", "Newly passing"],
    ["unanswered", "No answer"],
    ["passing", "Passing"],
  ];
  /** How often a blinking pair changes, in milliseconds: far from three times a second, which can harm. */
  const BLINK = 800;
  /** How many pairs go to paper. */
  const PRINTED = 60;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  /** An element with attributes and children. A string is a text; a function is what to do on an event. */
  function el(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    put(element, attributes);
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  /** The same for a drawing. */
  function svg(name, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    put(element, attributes);
    element.append(...children);
    return element;
  }

  function put(element, attributes) {
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(key, value);
      else if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
    }
  }

  /** Puts a text on the clipboard, and says so on the button. */
  async function copy(text, button) {
    const before = button.dataset.label ?? button.textContent;
    button.dataset.label = before;
    let copied = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page from a disk may lack that clipboard.
      const field = el("textarea", { class: "hidden", "aria-hidden": "true", tabindex: "-1" });
      field.value = text;
      document.body.append(field);
      field.select();
      copied = document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.textContent = copied ? "Copied" : "Could not copy";
    setTimeout(() => (button.textContent = before), 2000);
  }

  const button = (label, press, attributes = {}) =>
    el("button", { type: "button", click: (event) => press(event.currentTarget), ...attributes }, label);

  /** A picture that may be seen, with what was found drawn on it; nothing where the page has none. */
  function picture(sample) {
    const small = pictures[sample.original];
    if (!small || sample.withheld) return null;
    const [src, width, height] = small;
    return el(
      "span",
      { class: "shot" },
      el("img", { src, width, height, alt: sample.alt, decoding: "async" }),
      boxes(sample, width, height),
    );
  }

  /** The places of the findings. Their words stand in the list beside it, under the same numbers. */
  function boxes(sample, width, height) {
    const [w, h] = sample.size ?? [width, height];
    const placed = sample.findings.filter((finding) => finding.region);
    if (!sample.size || !placed.length) return null;
    const letter = Math.max(w, h) / 20;
    const drawn = placed.map((finding, index) => {
      const [x, y, width, height] = finding.region;
      const place = { x: x + letter * 0.3, y: y > letter * 1.2 ? y - letter * 0.3 : y + letter };
      return svg(
        "g",
        { class: finding.class },
        svg("rect", { x, y, width, height }),
        svg("text", { ...place, "font-size": letter }, String(index + 1)),
      );
    });
    return svg("svg", { class: "boxes", viewBox: `0 0 ${w} ${h}`, "aria-hidden": "true" }, ...drawn);
  }

  function card(sample) {
    const shot = picture(sample);
    let frame = el("div", { class: "blank" }, "no image");
    if (sample.original) {
      const words = sample.withheld ? "withheld: may be unsafe. Open the image" : "open the image";
      const of = el("span", { class: "hidden" }, ` of the ${sample.alt}`);
      frame = shot
        ? el("a", { href: sample.original }, shot)
        : el("a", { class: "blank", href: sample.original }, el("span", {}, words, of));
    }
    let box = 0;
    const findings = sample.findings.map((finding) => {
      const name = finding.page
        ? el("a", { class: `check ${finding.class}`, href: finding.page }, finding.check)
        : el("span", { class: `check ${finding.class}` }, finding.check);
      const mark = finding.region && sample.size && shot ? el("span", { class: "mark" }, `box ${(box += 1)}`) : null;
      return el("p", { class: "finding" }, name, " ", el("bdi", {}, finding.message), mark ? " " : null, mark);
    });
    return el(
      "figure",
      { class: `card ${sample.class}`, "data-side": sample.side },
      frame,
      el(
        "figcaption",
        {},
        el(
          "p",
          { class: "outcome" },
          el("span", { class: "side" }, sample.side),
          " ",
          el("span", { class: `word ${sample.class}` }, sample.word),
        ),
        findings,
        sample.words ? el("p", { class: "finding" }, el("bdi", {}, sample.words)) : null,
        el("p", { class: "facts" }, sample.facts),
      ),
    );
  }

  /** The pair that blinks: never more than one at a time. */
  let blinking = null;
  function rest() {
    blinking?.();
    blinking = null;
  }

  /** Both pictures on one place, the candidate's over the baseline's. */
  function stage(before, after) {
    const [, width, height] = pictures[before.original];
    const under = el("div", { class: "layer" }, picture(before));
    const over = el("div", { class: "layer over" }, picture(after));
    const place = el("div", { class: "stage" }, under, over);
    place.style.aspectRatio = `${width} / ${height}`;
    return { place, under, over };
  }

  /** Left of the line is the baseline, right of it the candidate. */
  function slider(before, after) {
    const { place } = stage(before, after);
    place.classList.add("wipe");
    place.append(el("div", { class: "line" }));
    const range = el("input", { type: "range", min: 0, max: 100, value: 50, step: 1, "aria-label": "How much of the baseline is shown" });
    const move = () => {
      place.style.setProperty("--at", `${range.value}%`);
      range.setAttribute("aria-valuetext", `${range.value}% baseline, ${100 - range.value}% candidate`);
    };
    range.addEventListener("input", move);
    const drag = (event) => {
      if (!event.buttons) return;
      const { left, width } = place.getBoundingClientRect();
      range.value = Math.round((100 * (event.clientX - left)) / Math.max(width, 1));
      move();
    };
    for (const kind of ["pointerdown", "pointermove"]) place.addEventListener(kind, drag);
    move();
    const ends = el("div", { class: "ends", "aria-hidden": "true" }, el("span", {}, "baseline"), el("span", {}, "candidate"));
    return el("div", { class: "view" }, place, el("div", { class: "control" }, range, ends));
  }

  /** One after the other in the same place; by hand alone where the system asks for less motion. */
  function blink(before, after) {
    const { place, over } = stage(before, after);
    const told = el("span", { class: "side", role: "status" });
    let timer = null;
    let candidate = false;
    const show = (value, aloud) => {
      candidate = value;
      over.classList.toggle("off", !candidate);
      place.dataset.side = candidate ? "candidate" : "baseline";
      swap.textContent = candidate ? "Show the baseline" : "Show the candidate";
      // What changes by itself is not read out.
      told.textContent = aloud ? `shown: the ${place.dataset.side}` : "";
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "Start blinking";
    };
    const start = () => {
      rest();
      blinking = stop;
      timer = setInterval(() => show(!candidate, false), BLINK);
      play.textContent = "Stop blinking";
    };
    const swap = button("", () => {
      stop();
      show(!candidate, true);
    });
    const play = button("Start blinking", () => (timer ? stop() : start()));
    show(false, calm.matches);
    if (!calm.matches) start();
    return el("div", { class: "view" }, place, el("div", { class: "control buttons" }, swap, play, told));
  }

  /** What was asked of a model and what came, with the command that looks at it again. */
  function log(sample, models) {
    const model = models.find((model) => model.side === sample.side);
    const cells = (row) => [row.sent, row.took, row.status, row.charge, el("bdi", {}, row.words)];
    const head = ["sent after", "took", "status", "charge", "words"];
    const table = el(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-label": `requests for the ${sample.side}` },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, sample.requests.map((row) => el("tr", {}, cells(row).map((cell) => el("td", {}, cell))))),
      ),
    );
    const more = sample.more_requests ? el("p", { class: "muted" }, `${sample.more_requests} more, in samples.jsonl.`) : null;
    const code = sample.command
      ? [
          el("p", { class: "muted" }, sample.original ? "To check this picture again, in the repository:" : "To run the gate again, in the repository:"),
          el("div", { class: "command" }, el("pre", {}, el("code", {}, sample.command)), button("Copy command", (it) => copy(sample.command, it))),
        ]
      : [];
    const labels = sample.label ? judgements(sample) : null;
    return el(
      "section",
      {},
      el("h5", {}, sample.side, model ? el("span", { class: "muted" }, ` ${model.model}`) : null),
      sample.requests.length ? [table, more] : el("p", { class: "muted" }, "No request is on record."),
      model ? el("pre", { class: "config", tabindex: "0", role: "group", "aria-label": `config of the ${sample.side}` }, el("code", {}, model.config)) : null,
      code,
      labels,
    );
  }

  /** Whether each check was right about a picture: commands to paste, by which somebody says so. */
  function judgements(sample) {
    const row = ([check, word]) => {
      const say = (verdict) =>
        button(verdict, (it) => copy(`${sample.label} --check=${check} --${verdict.toLowerCase()}`, it), {
          "aria-label": `${verdict}: copy the command that says so of ${check}`,
        });
      return el("li", {}, el("code", {}, check), word === "pass" ? " passed it " : " failed it ", say("Right"), " ", say("Wrong"));
    };
    return [
      el("p", { class: "muted" }, "Was a check right about this picture? A button copies the command that says so:"),
      el("ul", { class: "judged" }, sample.judged.map(row)),
    ];
  }

  /** A pair with its name and prompt; the rest comes when it is near. */
  function skeleton(pair) {
    const heading = el("h4", { id: `${pair.id}-name` }, el("bdi", {}, pair.name));
    const article = el(
      "article",
      { class: "pair", id: pair.id, tabindex: "-1", "aria-labelledby": `${pair.id}-name` },
      el("div", { class: "head" }, heading),
      el("p", { class: "prompt", dir: "auto" }, pair.prompt),
    );
    return article;
  }

  function fill(pair, models) {
    if (pair.filled) return;
    pair.filled = true;
    const { article } = pair;
    const head = article.querySelector(".head");
    head.append(
      ...pair.tags.map((tag) => el("span", { class: "tag" }, tag)),
      el("span", { class: "seed" }, `seed ${pair.seed}`),
      el("a", { class: "link", href: `#${encodeURIComponent(pair.id)}`, "aria-label": `Link to ${pair.name}` }, "#"),
    );
    // What scrolls can be reached by keyboard.
    const prompt = article.querySelector(".prompt");
    if (prompt.scrollHeight > prompt.clientHeight) prompt.tabIndex = 0;
    const tools = el("div", { class: "buttons" });
    const [before, after] = ["baseline", "candidate"].map((side) => pair.samples.find((it) => it.side === side));
    const body = el("div", { class: "body" }, el("div", { class: "cards" }, pair.samples.map(card)));
    if (before && after && picture(before) && picture(after)) {
      const views = [
        ["Side by side", null],
        ["Slider", slider],
        ["Blink", blink],
      ];
      const group = el("div", { class: "views", role: "group", "aria-label": "How to compare" });
      const choose = (chosen, view) => {
        rest();
        body.querySelector(".view")?.remove();
        body.classList.toggle("compared", view !== null);
        if (view) body.prepend(view(before, after));
        for (const other of group.children) other.setAttribute("aria-pressed", String(other === chosen));
      };
      group.append(...views.map(([name, view]) => button(name, (it) => choose(it, view), { "aria-pressed": String(!view) })));
      tools.append(group);
    }
    if (pair.copy) tools.append(button("Copy prompt", (it) => copy(pair.exact ?? pair.prompt, it)));
    const details = el("details", { class: "log" }, el("summary", {}, "Requests, parameters, command"));
    details.addEventListener("toggle", () => {
      if (details.childElementCount === 1) details.append(...pair.samples.map((sample) => log(sample, models)));
    });
    article.append(tools, body, details);
  }

  /** All that a search looks through. */
  function haystack(pair) {
    pair.text ??= [pair.name, pair.prompt, ...pair.tags, ...pair.samples.flatMap((it) => [it.word, it.kind, it.words, ...it.findings.flatMap((f) => [f.check, f.message])])]
      .filter(Boolean)
      .join("\n")
      .toLowerCase();
    return pair.text;
  }

  const checksOf = (sample) => [...sample.findings.map((it) => it.check), ...(sample.failure && sample.kind ? [sample.kind] : [])];
  const flipped = (pair) => pair.kind === "newly-failing" || pair.kind === "newly-passing";
  const ORDERS = {
    worst: (a, b) => a.worst - b.worst,
    flipped: (a, b) => flipped(b) - flipped(a) || a.worst - b.worst,
    drawn: (a, b) => a.drawn - b.drawn,
  };

  /** Builds the gallery of one model in the place of what the page shows without a script. */
  function build(root, { anchor, models, pairs, more }) {
    const status = el("p", { class: "shown", role: "status" });
    const list = el("div", { class: "pairs" });
    const unique = (values) => [...new Set(values)].sort((a, b) => a.localeCompare(b));
    const select = (name, options) => {
      const id = `${anchor}-${name.toLowerCase()}`;
      const field = el("select", { id, change: apply }, options.map(([value, label]) => el("option", { value }, label)));
      return { field, label: el("div", { class: "field" }, el("label", { for: id }, name), field) };
    };
    const any = (label, values) => [["", label], ...values.map((value) => [value, value])];
    const search = el("input", { type: "search", id: `${anchor}-search`, autocomplete: "off", spellcheck: "false" });
    let waiting = 0;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(apply, 120);
    });
    const side = select("Side", any("both", models.length > 1 ? ["baseline", "candidate"] : ["candidate"]));
    const outcome = select("Outcome", [["", "any"], ["failure", "counts as failure"], ...unique(pairs.flatMap((pair) => pair.samples.map((it) => it.word))).map((word) => [word, word])]);
    const check = select("Check", any("any", unique(pairs.flatMap((pair) => pair.samples.flatMap(checksOf)))));
    const tag = select("Tag", any("any", unique(pairs.flatMap((pair) => pair.tags))));
    const order = select("Order", [["worst", "worst first"], ["flipped", "flipped first"], ["drawn", "as drawn"]]);
    const marks = el("input", { type: "checkbox", id: `${anchor}-marks`, checked: true });
    marks.addEventListener("change", () => list.classList.toggle("unmarked", !marks.checked));

    let kind = "";
    const chips = el("div", { class: "chips", role: "group", "aria-label": "Kind of pair" });
    const choose = (value) => {
      kind = value;
      for (const chip of chips.children) chip.setAttribute("aria-pressed", String(chip.dataset.kind === kind));
      apply();
    };
    for (const [value, label] of [["", "All"], ...KINDS]) {
      const count = pairs.filter((pair) => !value || pair.kind === value).length;
      if (!count) continue;
      const name = models.length === 1 && value === "newly-failing" ? "Failing" : label;
      chips.append(button(`${name} ${count.toLocaleString("en")}`, () => choose(value), { "data-kind": value, "aria-pressed": String(!value) }));
    }

    const clear = button("Clear filters", () => {
      reset();
      search.focus();
    });
    function reset() {
      search.value = "";
      for (const { field } of [side, outcome, check, tag]) field.value = "";
      choose("");
    }

    function matches(pair, words) {
      const one = (sample) =>
        (!side.field.value || sample.side === side.field.value) &&
        (!outcome.field.value || (outcome.field.value === "failure" ? sample.failure : sample.word === outcome.field.value)) &&
        (!check.field.value || checksOf(sample).includes(check.field.value));
      return (
        (!kind || pair.kind === kind) &&
        (!tag.field.value || pair.tags.includes(tag.field.value)) &&
        pair.samples.some(one) &&
        words.every((word) => haystack(pair).includes(word))
      );
    }

    const near = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          near.unobserve(entry.target);
          fill(byId.get(entry.target.id), models);
        }
      },
      { rootMargin: "900px 0px" },
    );

    let sorted = "";
    function apply() {
      rest();
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const pair of pairs) {
        pair.article.hidden = !matches(pair, words);
        shown += pair.article.hidden ? 0 : 1;
      }
      if (sorted !== order.field.value) {
        sorted = order.field.value;
        list.append(...[...pairs].sort(ORDERS[sorted]).map((pair) => pair.article));
      }
      list.dataset.side = side.field.value;
      const all = pairs.length.toLocaleString("en");
      status.textContent = shown === pairs.length ? `${all} ${pairs.length === 1 ? "pair" : "pairs"}` : `${shown.toLocaleString("en")} of ${all} pairs`;
      clear.disabled = shown === pairs.length && !kind && !words.length && ![side, outcome, check, tag].some(({ field }) => field.value);
    }

    /** Opens the pair of a link, whatever the filters say. */
    function show(id) {
      const pair = byId.get(id);
      if (!pair) return false;
      if (pair.article.hidden) {
        reset();
        status.textContent = `The filters were cleared to show ${pair.name}.`;
      }
      fill(pair, models);
      pair.article.querySelector("details").open = true;
      pair.article.focus({ preventScroll: true });
      pair.article.scrollIntoView();
      // Pairs above it take their true heights only now.
      requestAnimationFrame(() => requestAnimationFrame(() => pair.article.scrollIntoView()));
      return true;
    }

    /** Paper takes the first pairs that the filters let through. */
    function print() {
      let left = PRINTED;
      for (const article of [...list.children].filter((it) => !it.hidden)) {
        if (left > 0) fill(byId.get(article.id), models);
        article.classList.toggle("unprinted", left <= 0);
        left -= 1;
      }
      cut.hidden = left >= 0;
      cut.textContent = `${(-left).toLocaleString("en")} more pairs are not printed.`;
    }
    const cut = el("p", { class: "muted cut", hidden: true });

    root.querySelector(".static")?.remove();
    const byId = new Map(pairs.map((pair) => [pair.id, pair]));
    for (const pair of pairs) pair.article = skeleton(pair);
    const find = el("div", { class: "field find" }, el("label", { for: search.id }, "Search prompts and findings"), search);
    const tools = el(
      "div",
      { class: "tools", role: "search", "aria-label": `Pairs of ${root.dataset.name}` },
      chips,
      el("div", { class: "fields" }, find, [side, outcome, check, tag, order].map((it) => it.label)),
      el("div", { class: "last" }, status, el("label", { class: "marks-shown", for: marks.id }, marks, " boxes on pictures"), clear),
    );
    root.append(tools, list, cut, more ? el("p", { class: "muted" }, `${more} more pairs, in samples.jsonl.`) : "");
    apply();
    for (const pair of pairs) near.observe(pair.article);
    return { show, print };
  }

  // The pictures that the page shows without a script are not in the block a second time.
  for (const image of document.querySelectorAll(".static a > img")) {
    pictures[image.parentElement.getAttribute("href")] ??= [image.src, image.getAttribute("width"), image.getAttribute("height")];
  }
  const built = galleries
    .map((gallery) => [document.getElementById(`${gallery.anchor}-pairs`), gallery])
    .filter(([root, gallery]) => root && gallery.pairs.length)
    .map(([root, gallery]) => build(root, gallery));

  function follow() {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      // It is no address of ours.
    }
    built.some((gallery) => gallery.show(id));
  }
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => built.forEach((gallery) => gallery.print()));
  addEventListener("afterprint", () => document.querySelectorAll(".unprinted").forEach((it) => it.classList.remove("unprinted")));
  follow();
})();
