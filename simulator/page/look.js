// --- looking closer ------------------------------------------------------------------------------

const windows = [["whole run", 0, story.ended]];
if (story.healed !== null) {
  windows.push(["first act", 0, story.healed]);
  const settled = story.converged === null ? story.ended : story.converged;
  windows.push(["healing", Math.max(0, story.healed - 1e6), Math.min(story.ended, settled + 1e6)]);
  if (story.converged !== null) windows.push(["silence", story.converged, story.ended]);
}

function drawWindows() {
  element("windows").hidden = false;
  element("windows").innerHTML = windows.map(([name, from, to], i) =>
    `<button data-window="${i}" aria-pressed="${from === view.from && to === view.to}">${name}</button>`).join("") +
    `<output>${seconds(view.from)} to ${seconds(view.to)}</output>`;
}

function draw() {
  width = Math.max(560, element("lanes").clientWidth);
  document.body.classList.toggle("narrow", bandHeight < 12);
  drawWindows();
  drawLanes();
  drawCoverage();
  drawCurve();
}
function look(from, to) {
  view = { from: Math.max(0, from), to: Math.min(story.ended, to) };
  draw();
}
/// The page's address may name a window, in seconds: report.html#12.5-14.
function lookAtAddress() {
  const named = location.hash.match(/^#([\d.]+)-([\d.]+)$/);
  const [from, to] = named ? [named[1] * 1e6, named[2] * 1e6] : [0, story.ended];
  if (from < Math.min(to, story.ended)) look(from, to);
}

function distance(arrow, px, py) {
  const dx = arrow.x2 - arrow.x1;
  const dy = arrow.y2 - arrow.y1;
  const along = between(0, ((px - arrow.x1) * dx + (py - arrow.y1) * dy) / (dx * dx + dy * dy || 1), 1);
  return Math.hypot(px - arrow.x1 - along * dx, py - arrow.y1 - along * dy);
}
function nearest(items, far, most) {
  let best = null;
  for (const item of items) {
    const away = far(item);
    if (away <= most) [best, most] = [item, away];
  }
  return best;
}
function textAt(chart, px, py) {
  const at = timeAt(px);
  if (chart === "lanes") {
    const mark = nearest(marks, (m) => Math.hypot(m.x - px, m.y - py), 7) || nearest(arrows, (a) => distance(a, px, py), 5);
    if (mark) return mark.text;
    const device = story.lanes.findIndex((_, i) => Math.abs(laneY(i) - py) <= barHeight);
    if (device < 0) return null;
    const segment = segmentsOf(device).findLast(([from]) => from <= at);
    return `device ${device}: ${segment ? `${segment[2]} since ${seconds(segment[0], 3)}` : "not there yet"}`;
  }
  const sample = nearest(story.samples, (s) => Math.abs(s[0] - at), Infinity);
  if (!sample) return null;
  const lacks = lackedBy(sample);
  if (chart === "curve")
    return `${seconds(sample[0])}\n${many(lacks.reduce((a, b) => a + b, 0), "change")} missing, at ${many(lacks.filter(Boolean).length, "device")}`;
  const device = story.lanes.findIndex((_, i) => py >= bandY(i) && py <= bandY(i) + bandHeight);
  if (device < 0 || sample[2][device] === null) return null;
  return `${seconds(sample[0])}: device ${device}\nholds ${whole(sample[2][device])} of ${many(sample[1], "change")}` +
    (story.lanes[device].backfills.some(([from, to]) => from <= at && to >= at) ? "\na backfill is under way" : "");
}

for (const id of ["lanes", "coverage", "curve"]) {
  const chart = element(id);
  let begin = null;
  const place = (event) => {
    const box = chart.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  chart.addEventListener("pointerdown", (event) => {
    begin = between(left, place(event)[0], width - right);
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointermove", (event) => {
    const [px, py] = place(event);
    const inside = between(left, px, width - right);
    for (const line of document.querySelectorAll("line.cursor")) {
      line.setAttribute("x1", inside);
      line.setAttribute("x2", inside);
      line.setAttribute("visibility", px === inside ? "visible" : "hidden");
    }
    if (begin !== null) {
      const chosen = chart.querySelector(".chosen");
      chosen.setAttribute("x", Math.min(begin, inside));
      chosen.setAttribute("width", Math.abs(inside - begin));
      chosen.setAttribute("visibility", "visible");
    }
    const text = begin === null && px === inside ? textAt(id, px, py) : null;
    const tip = element("tip");
    tip.hidden = !text;
    tip.textContent = text;
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8)}px`;
  });
  chart.addEventListener("pointerup", (event) => {
    const end = between(left, place(event)[0], width - right);
    const [from, to] = [timeAt(Math.min(begin, end)), timeAt(Math.max(begin, end))];
    const far = Math.abs(end - begin) > 4;
    begin = null;
    if (far) look(from, to);
  });
  chart.addEventListener("pointerleave", () => (element("tip").hidden = true));
  chart.addEventListener("dblclick", () => look(0, story.ended));
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && button.dataset.window) look(...windows[button.dataset.window].slice(1));
  if (button && button.dataset.kind) {
    const name = story.messages[button.dataset.kind].name;
    if (!hiddenKinds.delete(name)) hiddenKinds.add(name);
    drawLegends();
    drawLanes();
  }
});
addEventListener("resize", draw);
addEventListener("hashchange", lookAtAddress);

drawFigures();
drawLegends();
drawLinks();
drawCounts("faults", story.faults, "None struck.");
drawCounts("sometimes", story.sometimes, "None was met.");
lookAtAddress();
