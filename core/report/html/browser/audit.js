// What is wrong with the page for those who don't see it as we do, one sentence each. Run in a browser, by browser.rs.
(() => {
  const wrong = [];
  const shown = (it) => it.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  const ids = new Set();
  for (const { id } of document.querySelectorAll("[id]")) {
    if (ids.has(id)) wrong.push(`two elements have the id ${id}`);
    ids.add(id);
  }
  for (const it of document.querySelectorAll("[aria-labelledby], label[for]")) {
    for (const id of (it.getAttribute("aria-labelledby") ?? it.htmlFor).split(" ")) {
      if (!ids.has(id)) wrong.push(`nothing has the id ${id} that ${it.outerHTML.slice(0, 80)} names`);
    }
  }
  for (const it of document.querySelectorAll("a, button, input, select, summary, [role=region]")) {
    const name = it.getAttribute("aria-label") ?? [...(it.labels ?? [])].map((label) => label.textContent).join("");
    const own = it.matches("input, select") ? "" : it.textContent + [...it.querySelectorAll("img")].map((image) => image.alt).join("");
    if (!(name + own).trim()) wrong.push(`it has no name: ${it.outerHTML.slice(0, 120)}`);
  }
  const regions = [...document.querySelectorAll("[role=region]")].map((it) => it.getAttribute("aria-label"));
  for (const name of new Set(regions.filter((name, at) => regions.indexOf(name) !== at))) {
    wrong.push(`two regions have the name ${name}`);
  }
  // Articles far away are not laid out yet; what is near is made reachable when it is.
  for (const it of document.querySelectorAll("body *:not(article *)")) {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(it).overflowX) && it.scrollWidth > it.clientWidth;
    if (scrolls && shown(it) && it.tabIndex < 0) wrong.push(`it scrolls, and no key gets there: ${it.outerHTML.slice(0, 120)}`);
  }
  for (const it of document.querySelectorAll("img")) {
    if (!it.alt.trim()) wrong.push("a picture has no alternative");
  }
  const colour = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (it) => {
    for (let at = it; at; at = at.parentElement) {
      const { rgb, a } = colour(getComputedStyle(at).backgroundColor);
      if (a === 1) return rgb;
    }
    return [255, 255, 255];
  };
  let measured = 0;
  for (const it of document.querySelectorAll("body *:not(script, svg, svg *, :disabled, .hidden)")) {
    const text = [...it.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!text || !shown(it)) continue;
    measured += 1;
    const [one, two] = [light(colour(getComputedStyle(it).color).rgb), light(behind(it))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${it.outerHTML.slice(0, 120)}`);
  }
  // The words of a chart stand on the page's own ground, with its colour around each letter.
  for (const it of document.querySelectorAll("svg text:not(article *)")) {
    if (!shown(it)) continue;
    const [one, two] = [light(colour(getComputedStyle(it).fill).rgb), light(behind(document.body))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${it.outerHTML.slice(0, 120)}`);
  }
  return { wrong: [...new Set(wrong)], measured };
})();
