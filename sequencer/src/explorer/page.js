// The explorer's script: shows what /events tells, and what /api/transaction/ID and /api/block/HEIGHT answer.
"use strict";

const at = (id) => document.getElementById(id);

/** An element with content; text is never taken for markup. */
function make(name, content, attributes = {}) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  for (const part of [content].flat()) if (part !== null && part !== undefined) element.append(part);
  return element;
}

const short = (id) => id.slice(0, 8);
const code = (id) => make("code", short(id), { title: id });
const number = (value) => Number(value).toLocaleString("en");
const row = (cells, attributes) => make("tr", cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : make("td", cell))), attributes);
const rows = (id, list, empty) => {
  const span = at(id).previousElementSibling.rows[0].cells.length;
  at(id).replaceChildren(...(list.length ? list : [make("tr", make("td", empty, { colspan: span, class: "soft" }))]));
};
const millis = (nanos, from) => {
  const value = (nanos - from) / 1e6;
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)} ms`;
};
const clock = (nanos) => new Date(nanos / 1e6).toISOString().slice(11, 23);
const blockLink = (height) => make("a", number(height), { href: `#block/${height}` });
const transactionLink = (id, height) => make("a", code(id), { href: `#transaction/${id}/${height}` });

function figures(now) {
  const blocks = now.blocks, status = now.status;
  const first = blocks[0], last = blocks[blocks.length - 1];
  const seconds = blocks.length > 1 ? (last.time_nanos - first.time_nanos) / 1e9 : 0;
  const ordered = blocks.slice(1).reduce((sum, block) => sum + block.ordered, 0);
  const rate = (value) => (seconds > 0 ? number((value / seconds).toFixed(1)) : "–");
  const facts = [
    ["Height", number(status.height)],
    ["Blocks a second", rate(blocks.length - 1)],
    ["Transactions a second", rate(ordered)],
    ["Ordered since start", number(status.ordered_transactions)],
    ["Peers", `${status.consensus_peers} + ${status.segment_peers}`],
    ...(now.ethereum ? [["Checkpoint on Ethereum", number(now.ethereum.checkpoint)]] : []),
  ];
  at("figures").replaceChildren(...facts.map(([name, value]) => make("div", [make("dt", name), make("dd", value)])));
}

function chart(blocks) {
  const most = Math.max(1, ...blocks.map((block) => block.ordered));
  const width = 400 / Math.max(1, blocks.length);
  const bar = (block, index) => {
    const height = Math.max(1, (76 * block.ordered) / most);
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const place = { x: index * width, y: 80 - height, width: width * 0.8, height };
    for (const [key, value] of Object.entries(place)) rect.setAttribute(key, value);
    return rect;
  };
  at("chart").replaceChildren(...blocks.map(bar));
}

/** A share as percent, rounded down: 100 % means all. */
const percent = (part, whole) => `${(Math.floor((1000 * part) / whole) / 10).toFixed(1)} %`;

function validatorRow(lane, uptime, blocks) {
  const signed = blocks.filter((block) => block.signers.includes(lane.validator)).length;
  const lag = lane.head_seq - lane.decided_seq;
  return row([
    code(lane.validator),
    number(lane.voting_power),
    `${signed} of ${blocks.length}`,
    uptime ? percent(uptime.grew, uptime.looks) : "–",
    lane.frozen ? make("span", "frozen", { class: "bad" }) : number(lane.head_seq),
    number(lag),
  ]);
}

/** How many batches of a rollup Ethereum knows to be final, and how many its contract has settled. */
const known = (rollup, now) => now.ethereum?.rollups.find((known) => known.rollup_id === rollup);
const settled = (rollup, now) => now.settled?.find((settled) => settled.rollup_id === rollup);

function onEthereum(rollup, now) {
  const told = known(rollup, now);
  return told ? make("span", number(told.batches), { title: `by the checkpoint of block ${number(now.ethereum.checkpoint)}` }) : "–";
}

const UNSETTLED = {
  no_contract: "no contract",
  no_answer: "does not say",
  other_history: "another history",
  ahead: "ahead of this node",
  not_kept: "not kept here",
  unreachable: "no answer",
  looking: "…",
  not_watched: "not watched",
};

function settlement(rollup, now) {
  const told = settled(rollup, now);
  if (!told) return "–";
  if (!told.unknown) return number(told.batches);
  const kind = told.unknown === "other_history" ? "bad" : "soft";
  return make("span", UNSETTLED[told.unknown] ?? told.unknown, { title: told.message, class: kind });
}

/** What the node told last; before that, nothing. */
let newest = {};

/** How far a batch has come. */
function tier(rollup, index) {
  if (settled(rollup, newest)?.batches >= index) return "settled";
  return known(rollup, newest)?.batches >= index ? "on Ethereum" : "finalized";
}

/** Says it, and again whenever it has come further. */
const tierOf = (rollup, index) => make("td", tier(rollup, index), { "data-rollup": rollup, "data-batch": index });

function showTiers() {
  for (const cell of document.querySelectorAll("[data-batch]")) {
    const now = tier(Number(cell.dataset.rollup), Number(cell.dataset.batch));
    if (cell.textContent !== now) cell.textContent = now;
  }
}

function show(now) {
  newest = now;
  showTiers();
  const blocks = now.blocks, status = now.status;
  at("network").textContent = `${status.network_name} · version ${status.version}`;
  document.title = `Fairlane · ${number(status.height)}`;
  figures(now);
  chart(blocks);
  rows("validators", status.lanes.map((lane, index) => validatorRow(lane, now.uptime[index], blocks)), "This node follows no lanes.");
  rows("rollups", status.rollups.map((rollup) => row([
    number(rollup.rollup_id) + (rollup.closed ? " (closed)" : ""),
    number(rollup.ordering_group),
    number(rollup.batches),
    onEthereum(rollup.rollup_id, now),
    settlement(rollup.rollup_id, now),
    rollup.last_height ? blockLink(rollup.last_height) : "–",
    code(rollup.head),
  ])), "No rollup is registered.");
  rows("blocks", [...blocks].reverse().map((block) => row([
    blockLink(block.height), clock(block.time_nanos), number(block.ordered), block.round, code(block.id),
  ])), "No block is finalized yet.");
  rows("evidence", now.evidence.map((known) => row([
    code(known.offender),
    make("td", known.offence, { class: "wrap" }),
    known.height ? blockLink(known.height) : "–",
    make("span", known.refusal ? `refused: ${known.refusal}` : known.fate, { class: known.fate === "punished" ? "good" : "" }),
  ])), "No offence is known.");
}

function listen() {
  const events = new EventSource("/events");
  const say = (text, kind) => { at("live").textContent = text; at("live").className = kind; };
  events.onopen = () => say("Live", "good");
  events.onmessage = (event) => { say("Live", "good"); show(JSON.parse(event.data)); };
  events.onerror = () => say("The node does not answer; trying again.", "bad");
}

const DECIDERS = {
  groups: "they share no ordering group, so they are not compared",
  cycle: "both stood on one cycle of contradicting evidence",
  separation: "separation: a quorum had one before the interval of the other begins",
  evidence: "evidence: no more than the power that may be faulty denies it",
  key: "no evidence either way: the earlier key",
  tie: "equal keys: the hash of id and parent block",
  others: "what stands between them",
};

function facts(list) {
  return make("dl", list.flatMap(([name, value]) => [make("dt", name), make("dd", value)]), { class: "facts" });
}

function table(title, heads, body) {
  const head = make("thead", make("tr", heads.map((text) => make("th", text, { scope: "col" }))));
  const inner = make("table", [head, make("tbody", body)]);
  return [make("h2", title), make("div", inner, { class: "scroll", tabindex: "0", role: "region", "aria-label": title })];
}

/** A lane's time between the earliest and the latest that is shown. */
function track(time, key, [first, last]) {
  const span = Math.max(1, last - first);
  const mark = (value, kind) => {
    const element = make("span", null, kind ? { class: kind } : {});
    element.style.left = `${(100 * (value - first)) / span}%`;
    return element;
  };
  return make("div", [mark(key, "key"), mark(time)], { class: "track", "aria-hidden": "true" });
}

function laneRows(why) {
  const seen = why.lanes.filter((lane) => lane.sighting).map((lane) => lane.sighting.received_nanos);
  const range = [Math.min(why.key_nanos, ...seen), Math.max(why.key_nanos, ...seen)];
  return why.lanes.map((lane) => {
    const told = lane.sighting;
    if (!told) return row([code(lane.validator), number(lane.voting_power), make("td", "has not told of it up to this block", { colspan: 4, class: "soft" })]);
    const own = told.from_validator === lane.validator && told.from_seq === told.seq;
    return row([
      code(lane.validator), number(lane.voting_power), millis(told.received_nanos, why.key_nanos),
      track(told.received_nanos, why.key_nanos, range),
      own ? "a client" : [`segment ${told.from_seq} of `, code(told.from_validator)],
      [`${told.seq}, block `, blockLink(told.height)],
    ]);
  });
}

function comparedRows(why) {
  const others = why.compared.map((other) => ({ position: other.position, element: row([
    other.position,
    transactionLink(other.transaction, why.height),
    millis(other.key_nanos, why.key_nanos),
    number(other.power_explained_first), number(other.power_other_first),
    make("td", DECIDERS[other.decider] ?? other.decider, { class: "wrap" }),
  ]) }));
  const here = row([why.position, code(why.transaction), "key", "", "", "this transaction"], { class: "here", "aria-current": "true" });
  return [...others, { position: why.position, element: here }].sort((a, b) => a.position - b.position).map((entry) => entry.element);
}

function showTransaction(why) {
  if (why.pending) return [make("h2", "Transaction"), facts([["Id", make("code", why.transaction)]]), make("p", "It is in a lane and not ordered yet. Look again in a moment.")];
  const leg = (place) => (place.leg_count > 1 ? `${place.leg_index + 1} of ${place.leg_count}` : "the only one");
  const places = why.batches.map((place) => row([number(place.rollup_id), number(place.index), place.item, leg(place), tierOf(place.rollup_id, place.index)]));
  const component = why.component_size > 1 ? `one of ${why.component_size} on a cycle of contradicting evidence` : "it stood on no cycle of contradicting evidence";
  return [
    make("h2", "Why this transaction stands where it stands"),
    facts([
      ["Id", make("code", why.transaction)],
      ["Block", [blockLink(why.height), ` · position ${why.position} of ${why.ordered_count}`]],
      ["Key", `${clock(why.key_nanos)} UTC: by then lanes of more than half the power had it`],
      ["Honest lanes", `between ${millis(why.lo_nanos, why.key_nanos)} and ${millis(why.hi_nanos, why.key_nanos)} from the key`],
      ["Component", component],
      ["Power", `${number(why.total_power)} in all, ${number(why.faulty_power)} may be faulty, ${number(why.quorum_power)} are a quorum`],
    ]),
    ...table("Where it is delivered", ["Rollup", "Batch", "Item", "Leg", "Tier"], places),
    ...table("When each lane received it", ["Validator", "Power", "From the key", "", "From", "Told in segment"], laneRows(why)),
    ...table("Against its neighbours", ["Position", "Transaction", "Key", "Power that saw this one first", "Power that saw the other first", "What decided"], comparedRows(why)),
    make("p", `Computed from the lanes as blocks ${number(why.looked_from)} to ${number(why.height)} decided them.`, { class: "soft" }),
  ];
}

function showBlock(block) {
  const list = block.transactions.map((id, position) => row([position, make("a", make("code", id), { href: `#transaction/${id}/${block.height}` })]));
  const more = block.ordered > block.transactions.length ? [make("p", `The first ${block.transactions.length} of ${number(block.ordered)}.`, { class: "soft" })] : [];
  return [
    make("h2", `Block ${number(block.height)}`),
    facts([["Id", make("code", block.id)], ["Chain time", `${new Date(block.time_nanos / 1e6).toISOString()}`], ["Round", block.round], ["Signed by", block.signers.flatMap((id) => [code(id), " "])]]),
    ...table("Transactions", ["Position", "Id"], list.length ? list : [row([make("td", "It orders nothing.", { colspan: 2 })])]),
    ...more,
  ];
}

async function ask(path, display) {
  const detail = at("detail");
  detail.replaceChildren(make("p", "Asking the node …", { class: "soft" }));
  try {
    const answer = await fetch(path);
    const value = await answer.json();
    if (!answer.ok) throw new Error(value.error);
    detail.replaceChildren(...display(value));
  } catch (error) {
    detail.replaceChildren(make("h2", "Not found"), make("p", error.message, { class: "bad" }));
  }
}

function route() {
  const [kind, name, height] = location.hash.slice(1).split("/");
  const isDetail = kind === "transaction" || kind === "block";
  at("overview").hidden = isDetail;
  at("detail").hidden = !isDetail;
  if (kind === "transaction") ask(`/api/transaction/${encodeURIComponent(name)}${height ? `/${encodeURIComponent(height)}` : ""}`, showTransaction);
  if (kind === "block") ask(`/api/block/${encodeURIComponent(name)}`, showBlock);
  if (isDetail) at("main").focus();
}

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("query").value.trim().replace(/^0x/, "").toLowerCase();
  location.hash = /^[0-9]{1,20}$/.test(text) ? `#block/${text}` : `#transaction/${text}`;
});
addEventListener("hashchange", route);
route();
listen();
