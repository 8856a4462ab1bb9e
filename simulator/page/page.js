"use strict";

const story = JSON.parse(document.getElementById("story").textContent);
const devices = story.lanes.length;
const element = (id) => document.getElementById(id);
const between = (low, value, high) => Math.max(low, Math.min(value, high));

// --- words and numbers ---------------------------------------------------------------------------

const whole = (value) => Math.round(value).toLocaleString("en");
const seconds = (us, digits = 2) => `${(us / 1e6).toFixed(digits)} s`;
const many = (count, word) => `${whole(count)} ${word}${count === 1 ? "" : "s"}`;
const times = (value, least) => (least > 0 ? `${(value / least).toFixed(2)}×` : "–");
function size(bytes) {
  if (bytes < 10000) return `${whole(bytes)} B`;
  return bytes < 1e7 ? `${(bytes / 1e3).toFixed(bytes < 1e5 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const nameOf = (device) => (devices <= 20 ? `device ${device}` : `${device}`);

// --- the window of time that all charts show -----------------------------------------------------

const left = 70;
const right = 104;
let view = { from: 0, to: story.ended };
let width = 1000;
const x = (us) => left + ((us - view.from) / (view.to - view.from)) * (width - left - right);
const timeAt = (pixel) => view.from + ((pixel - left) / (width - left - right)) * (view.to - view.from);
const inView = (us) => us >= view.from && us <= view.to;
const clamped = (us) => between(left, x(us), width - right);

function ticks() {
  const span = view.to - view.from;
  const rough = span / between(4, (width - left) / 110, 12);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough);
  const digits = Math.max(0, 6 - Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let us = Math.ceil(view.from / step) * step; us <= view.to; us += step) found.push([us, seconds(us, digits)]);
  return found;
}

/// What stands behind every chart: the second act's ground, lines of time, and the moments that matter.
function ground(height, top) {
  let out = "";
  if (story.healed !== null && story.healed < view.to)
    out += `<rect x="${clamped(story.healed)}" y="${top}" width="${width - right - clamped(story.healed)}"
      height="${height - top - 18}" style="fill:var(--act)"/>`;
  for (const [us, text] of ticks())
    out += `<line class="rule" x1="${x(us)}" x2="${x(us)}" y1="${top}" y2="${height - 18}"/>
      <text x="${x(us)}" y="${height - 4}" text-anchor="middle">${text}</text>`;
  return out;
}
function moments(height, top) {
  let out = "";
  const converged = story.converged !== null && inView(story.converged);
  const tight = converged && inView(story.healed) && x(story.converged) - x(story.healed) < 64;
  for (const [us, text, anchor] of [[story.healed, "healed", tight ? "end" : "start"],
                                    [story.converged, "converged", "start"]]) {
    if (us === null || !inView(us)) continue;
    out += `<line class="border" x1="${x(us)}" x2="${x(us)}" y1="${top - 4}" y2="${height - 18}"/>
      <text x="${x(us) + (anchor === "end" ? -3 : 3)}" y="${top - 5}" text-anchor="${anchor}">${text}</text>`;
  }
  return out;
}
function show(id, height, inner) {
  element(id).innerHTML = `<svg viewBox="0 0 ${width} ${height}" height="${height}">${inner}
    <line class="cursor" y1="0" y2="${height - 18}" visibility="hidden"/>
    <rect class="chosen" y="0" height="${height - 18}" visibility="hidden"/></svg>`;
}

// --- lanes ---------------------------------------------------------------------------------------

const lives = ["running", "paused", "stopped", "down"];
const colors = { Hello: "hello", Have: "have", Pull: "pull", push: "push", answer: "answer", Bye: "bye" };
const drawn = story.messages.filter((kind) => colors[kind.name]);
const hiddenKinds = new Set();
const stripHeight = 40;  // Faults that strike the network, or nobody in particular.
const arrowsMost = 420;
let arrows = [];
let marks = [];

const laneHeight = between(17, 560 / devices, 84);
const laneY = (device) => stripHeight + 16 + laneHeight * (device + 0.62);
const barHeight = between(4, laneHeight * 0.14, 9);

/// [from, to, life] of one device, from its joining on.
function segmentsOf(device) {
  const turns = story.lanes[device].turns;
  return turns.map(([at, life], i) => [at, i + 1 < turns.length ? turns[i + 1][0] : story.ended, life]);
}

function laneOf(device) {
  const y = laneY(device);
  let out = `<line class="rule" x1="${left}" x2="${width - right}" y1="${y}" y2="${y}" stroke-dasharray="1 4"/>
    <text class="name" x="${left - 10}" y="${y + 4}" text-anchor="end">${nameOf(device)}</text>`;
  for (const [from, to, life] of segmentsOf(device)) {
    if (life === "left") {
      if (inView(from)) out += `<path d="M${x(from) - 5} ${y - 5}l10 10m0 -10l-10 10" style="stroke:var(--down)"
        stroke-width="2"/>`;
      continue;
    }
    if (to < view.from || from > view.to || to === from) continue;
    const wide = Math.max(1.5, clamped(to) - clamped(from));
    const thick = life === "running" ? barHeight : barHeight + 2;
    out += `<rect x="${clamped(from)}" y="${y - thick / 2}" width="${wide}" height="${thick}" rx="1"
      style="fill:var(--${life})"/>`;
  }
  return out;
}

/// The messages to draw: all in view, or evenly one of several of a kind, whichever fits.
function chosenMessages() {
  const shown = drawn.filter((kind) => !hiddenKinds.has(kind.name));
  const visible = shown.map((kind) => kind.said.filter(([at, took]) => at <= view.to && at + (took || 0) >= view.from));
  const budget = arrowsMost / Math.max(1, visible.filter((said) => said.length > 0).length);
  let thinned = 0;
  const chosen = visible.flatMap((said, i) => {
    const step = Math.max(1, Math.ceil(said.length / budget));
    if (step * shown[i].every > 1) thinned += 1;
    return said.filter((_, n) => n % step === 0).map((one) => [shown[i], step, ...one]);
  });
  const told = shown.map((kind, i) => {
    const step = Math.max(1, Math.ceil(visible[i].length / budget)) * kind.every;
    return visible[i].length === 0 || step === 1 ? null : `1 of ${step} ${kind.name}`;
  }).filter(Boolean);
  element("thinned").textContent = (told.length === 0 ? "Every message in view is drawn, but for heartbeats."
    : `Too many messages to draw: of those in view ${told.join(", ")} stand${told.length === 1 && told[0].startsWith("1") ? "s" : ""} here, evenly chosen` +
      `${drawn.some((kind) => kind.every > 1) ? "" : "; a shorter window shows all of them"}. Heartbeats are left out.`) +
    (story.lanesEnd === null ? "" : ` The lanes end at ${seconds(story.lanesEnd)}: there were too many turns to keep.`) +
    (story.strikesEnd === null ? "" : ` Faults are marked up to ${seconds(story.strikesEnd)}: there were too many to keep.`);
  return chosen;
}

function arrowOf([kind, , at, took, from, to, bytes, rows]) {
  const color = `var(--${colors[kind.name]})`;
  const lost = took === null;
  const down = Math.sign(to - from);
  const y1 = laneY(from) + down * (barHeight / 2 + 0.5);
  let y2 = laneY(to) - down * (barHeight / 2 + 1);
  if (lost) y2 = (y1 + y2) / 2;
  const x1 = x(at);
  const x2 = lost ? x1 : x(at + took);
  const thick = between(0.8, Math.log10(Math.max(bytes, 10)) * 0.9 - 1, 4);
  arrows.push({ x1, y1, x2, y2, text: `${seconds(at, 6)}: device ${from} → ${to}\n${kind.name}, ${size(bytes)}` +
    (rows ? `, ${many(rows, "row")}` : "") + (lost ? "\nnever heard" : `\nheard ${(took / 1000).toFixed(1)} ms later`) });
  const turn = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
  const head = lost ? `<path d="M-3 -3l6 6m0 -6l-6 6" stroke="${color}" stroke-width="1.5"/>`
    : `<path d="M0 0l-6 -2.6v5.2z" fill="${color}"/>`;
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${color}" stroke-width="${thick}"
    ${lost ? 'stroke-dasharray="3 3"' : ""}/><g transform="translate(${x2} ${y2}) rotate(${turn})">${head}</g>`;
}

function strikesOf() {
  const labelled = new Map();  // By lane: where its last label ends.
  let out = "";
  for (const [at, fault, device, peer] of story.strikes) {
    if (!inView(at)) continue;
    const y = device === null ? stripHeight + 6 : laneY(device) - barHeight / 2 - 2;
    const text = peer === null ? fault : `${fault} → ${peer}`;
    marks.push({ x: x(at), y: y - 4, text: `${seconds(at, 6)}: ${fault}` +
      (device === null ? "" : ` at device ${device}`) + (peer === null ? "" : `, on the way to ${peer}`) });
    out += `<path d="M${x(at)} ${y}l-4 -7h8z" style="fill:var(--fault)"/>`;
    const wide = text.length * 5.6;
    const begin = Math.min(x(at) - 4, width - 4 - wide);
    const clear = !(labelled.get(device) > begin);
    if (!clear || (device !== null && laneHeight < 30)) continue;
    labelled.set(device, begin + wide + 6);
    out += `<text class="struck" x="${begin}" y="${y - 10}">${escaped(text)}</text>`;
  }
  return out;
}

function drawLanes() {
  arrows = [];
  marks = [];
  const height = stripHeight + 16 + laneHeight * devices + 30;
  const chosen = chosenMessages().map(arrowOf).join("");
  const alpha = between(0.3, 0.95 - arrows.length / 900, 0.9);
  show("lanes", height, ground(height, 18) + `<clipPath id="inside"><rect x="${left}" y="0"
      width="${width - left - right}" height="${height}"/></clipPath>
    <text class="name" x="${left - 10}" y="${stripHeight + 6}" text-anchor="end">${devices <= 20 ? "network" : "net"}</text>` +
    `<g clip-path="url(#inside)" opacity="${alpha}">${chosen}</g>` +
    story.lanes.map((_, device) => laneOf(device)).join("") + strikesOf() + moments(height, 18));
}

// --- coverage ------------------------------------------------------------------------------------

const bandHeight = between(9, 440 / devices, 46);
const thinnest = bandHeight < 20 ? 1 : 2;
const bandY = (device) => 22 + device * (bandHeight + between(2, bandHeight * 0.2, 8));

/// An area under a line through [x, y], down to `floor`.
function area(points, floor, color) {
  if (points.length === 0) return "";
  return `<path d="M${points[0][0]} ${floor}${points.map(([px, py]) => `L${px} ${py.toFixed(2)}`).join("")}
    L${points.at(-1)[0]} ${floor}Z" style="fill:var(--${color})"/>`;
}
/// Runs of samples in and around the window for which `is` holds, each with the sample that it leads to.
function runs(is) {
  const found = [];
  let run = null;
  story.samples.forEach((sample, i) => {
    if (run) run.push(sample);
    if (!is(sample)) run = null;
    else if (!run) found.push((run = [sample]));
  });
  return found.filter((samples) => samples.at(-1)[0] >= view.from && samples[0][0] <= view.to);
}

function bandOf(device) {
  const top = bandY(device);
  const floor = top + bandHeight;
  const known = (sample) => sample[2][device] !== null;
  const point = (sample) => {
    const lacks = sample[1] - sample[2][device];
    const cut = lacks > 0 ? Math.max(thinnest, (bandHeight * lacks) / sample[1]) : 0;
    return [clamped(sample[0]), top + cut];
  };
  const backfills = story.lanes[device].backfills.filter(([from, to]) => from <= view.to && to >= view.from);
  let out = `<text class="name" x="${left - 10}" y="${floor - bandHeight / 2 + 4}" text-anchor="end">${nameOf(device)}</text>
    <clipPath id="backfills-${device}">${backfills.map(([from, to]) => `<rect x="${clamped(from)}" y="${top}"
      height="${bandHeight}" width="${Math.max(2, clamped(to) - clamped(from))}"/>`).join("")}</clipPath>`;
  for (const found of runs(known)) {
    const samples = found.filter(known);
    const begin = clamped(samples[0][0]);
    const end = clamped(samples.at(-1)[0]);
    out += `<rect x="${begin}" y="${top}" width="${end - begin}" height="${bandHeight}" style="fill:var(--lack)"/>`;
    out += area(samples.map(point), floor + 0.4, "held");
    out += `<g clip-path="url(#backfills-${device})">${area(samples.map(point), floor + 0.4, "backfill")}</g>`;
  }
  for (const [from, to, life] of segmentsOf(device)) {
    if (life === "running" || life === "left" || to < view.from || from > view.to) continue;
    out += `<rect x="${clamped(from)}" y="${top}" width="${clamped(to) - clamped(from)}" height="${bandHeight}"
      style="fill:var(--paper)" opacity="0.55"/>`;
  }
  const lacking = story.samples.filter((s) => inView(s[0]) && known(s)).map((s) => s[1] - s[2][device]);
  const most = Math.max(0, ...lacking);
  const last = story.lanes[device].turns.at(-1);
  const told = last && last[1] === "left" ? "left" : most === 0 ? "all, always" : `lacked ≤ ${whole(most)}`;
  return out + `<text x="${width - right + 8}" y="${floor - bandHeight / 2 + 4}">${told}</text>`;
}

function drawCoverage() {
  const height = bandY(devices - 1) + bandHeight + 24;
  show("coverage", height,
       ground(height, 18) + story.lanes.map((_, device) => bandOf(device)).join("") + moments(height, 18));
}

// --- convergence ---------------------------------------------------------------------------------

const lackedBy = (sample) => sample[2].map((held) => (held === null ? 0 : sample[1] - held));
const curve = story.samples.map((sample) => {
  const lacks = lackedBy(sample);
  return [sample[0], lacks.reduce((sum, lack) => sum + lack, 0), lacks.filter((lack) => lack > 0).length];
});

function drawCurve() {
  const height = 230;
  const top = 18;
  const floor = height - 18;
  const most = Math.max(1, ...curve.filter((point) => inView(point[0])).map((point) => point[1]));
  const y = (value, of) => floor - (Math.min(value, of) / of) * (floor - top - 8);
  const seen = curve.filter((_, i) => {
    const before = curve[Math.max(0, i - 1)][0];
    const behind = curve[Math.min(curve.length - 1, i + 1)][0];
    return behind >= view.from && before <= view.to;
  });
  let out = ground(height, top);
  for (const part of [0.5, 1]) {
    out += `<line class="rule" x1="${left}" x2="${width - right}" y1="${y(part, 1)}" y2="${y(part, 1)}"/>`;
    if (part === 1 || most > 1) out += `<text x="${left - 8}" y="${y(part, 1) + 4}" text-anchor="end">${whole(most * part)}</text>`;
  }
  for (const count of new Set([0, Math.round(devices / 2), devices]))
    out += `<text x="${width - right + 8}" y="${y(count, devices) + 4}">${many(count, "device")}</text>`;
  // Each value holds until the next one is known.
  const held = seen.flatMap(([at, lacks], i) =>
    [at, i + 1 < seen.length ? seen[i + 1][0] : at].map((us) => [clamped(us), y(lacks, most)]));
  out += area(held, floor, "held");
  const steps = seen.map(([at, , count], i) => `${i === 0 ? "M" : "H"}${clamped(at)} ${i === 0 ? "" : "V"}${y(count, devices)}`);
  out += `<path d="${steps.join("")}" fill="none" style="stroke:var(--lack)" stroke-width="1.6"/>`;
  show("curve", height, out + `<line class="rule" x1="${left}" x2="${width - right}" y1="${floor}" y2="${floor}"/>` + moments(height, top));
}

// --- figures, legends and tables -----------------------------------------------------------------

const sum = (column) => story.links.reduce((total, link) => total + link[column], 0);

function drawFigures() {
  const struck = Object.values(story.faults).reduce((total, count) => total + count, 0);
  const figures = [
    [seconds(story.ended, 1), "simulated"],
    [story.converged === null ? "never" : seconds(story.converged - story.healed), "from healing to convergence"],
    [whole(devices), "devices"],
    [whole(story.changes), "changes written"],
    [story.changes ? `${story.amplification.toFixed(2)}×` : "–", "rows crossed, against the least"],
    [whole(sum(2)), `messages, ${times(sum(2), sum(3))} the least`],
    [size(sum(4)), `on the links, ${times(sum(4), sum(5))} the least`],
    [whole(struck), "faults struck"],
  ];
  element("figures").innerHTML = figures.map(([value, text]) => `<div><b>${value}</b><span>${text}</span></div>`).join("");
}

function drawLegends() {
  const swatch = (color, text) => `<span style="--color:var(--${color})"><i></i>${text}</span>`;
  element("life").innerHTML = lives.map((life) => swatch(life, life)).join("") +
    "<span>dotted: not there</span><span>✕ left for ever</span><span style='color:var(--fault)'>▼ a fault</span>";
  element("bands").innerHTML = swatch("held", "held") + swatch("backfill", "held, a backfill under way") + swatch("lack", "lacking");
  element("differ").innerHTML = swatch("held", "changes missing (left)") + swatch("lack", "devices that lack some (right)");
  element("kinds").innerHTML = story.messages.map((kind, i) => {
    const text = `${escaped(kind.name)} <b>${whole(kind.count)}</b> ${size(kind.bytes)}`;
    return colors[kind.name] ? `<button data-kind="${i}" aria-pressed="${!hiddenKinds.has(kind.name)}"
      style="--color:var(--${colors[kind.name]})"><i></i>${text}</button>` : `<span>${text}, not drawn</span>`;
  }).join("");
}

function drawLinks() {
  const shown = 20;
  const links = [...story.links].sort((a, b) => b[4] - a[4]);
  const most = links.length ? Math.max(1, links[0][4]) : 1;
  const figures = (link) => `<td>${whole(link[2])}</td><td>${whole(link[3])}</td><td>${times(link[2], link[3])}</td>
    <td>${size(link[4])}</td><td>${size(link[5])}</td><td>${times(link[4], link[5])}</td>`;
  const row = (link) => `<tr><td>${link[0]} → ${link[1]}</td>${figures(link)}<td class="bar">
    <span style="width:${(100 * link[4]) / most}%"><i style="width:${link[4] ? Math.min(100, (100 * link[5]) / link[4]) : 0}%"></i></span></td></tr>`;
  const table = (rows) => `<div class="scroll"><table><tr><th>way</th><th>messages</th><th>the least</th><th></th>
    <th>bytes</th><th>the least</th><th></th><th></th></tr>${rows}</table></div>`;
  const total = `<tr class="sum"><td>all ${links.length} ways</td>${figures([0, 0, sum(2), sum(3), sum(4), sum(5)])}<td></td></tr>`;
  element("links").innerHTML = table(total + links.slice(0, shown).map(row).join("")) + (links.length <= shown ? ""
    : `<details><summary>${many(links.length - shown, "more way")}, each with fewer bytes</summary>${table(links.slice(shown).map(row).join(""))}</details>`);
}

function drawCounts(id, counts, none) {
  const rows = Object.entries(counts).map(([name, count]) => `<tr><td>${escaped(name)}</td><td>${whole(count)}</td></tr>`);
  element(id).innerHTML = rows.length ? `<table>${rows.join("")}</table>` : `<p class="note">${none}</p>`;
}
