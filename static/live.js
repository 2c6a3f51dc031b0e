// Keeps a page live: listens on the WebSocket and fetches the parts that its messages change.
//
// <body data-live="all|trader" data-seq="N">: what to listen to, and up to which message the page knows.
// <... data-fragment="name" data-events="trade:new ...">: a part, and the messages that change it.
"use strict";
(() => {
  const PAUSE = 250; // between two requests: at most four a second
  const RENEW_EVERY = 60000; // ages and counts move without a message, too
  const LONGEST_WAIT = 10000;

  const { live, platform, trader, seq: known } = document.body.dataset;
  if (!live) return;
  const parts = [...document.querySelectorAll("[data-events]")];
  const chip = document.getElementById("live");
  const due = new Set();
  let seq = Number(known);
  let failures = 0;
  let busy = false;

  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const keysIn = (part) => new Set([...part.querySelectorAll("[data-key]")].map((row) => row.dataset.key));

  const showState = (isUp) => {
    chip.hidden = false;
    chip.classList.toggle("warn", !isUp);
    chip.querySelector("[data-text]").textContent = isUp ? "Live" : "Reconnecting";
  };

  const replace = (part, html) => {
    const before = keysIn(part);
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const isOpen = part.querySelector("details[open]") !== null;
    part.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
    for (const row of part.querySelectorAll("[data-key]")) {
      if (!before.has(row.dataset.key)) row.classList.add("new");
    }
    if (isOpen) part.querySelector("details")?.setAttribute("open", "");
    if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };

  const renew = async (part) => {
    const address = new URL(location.href);
    address.searchParams.set("fragment", part.dataset.fragment);
    const response = await fetch(address, { cache: "no-store" });
    if (response.ok) replace(part, await response.text());
    else if (response.status === 404) location.reload(); // the leader is public no more
  };

  const renewDue = async () => {
    if (busy) return;
    busy = true;
    while (due.size && !document.hidden) {
      const [part] = due;
      due.delete(part);
      await renew(part).catch(() => {}); // offline: the next message or minute renews it
      await sleep(PAUSE);
    }
    busy = false;
  };

  const markDue = (changed) => {
    for (const part of changed) due.add(part);
    renewDue();
  };

  const receive = ({ event, data, seq: place }) => {
    if (place !== undefined) {
      seq = Math.max(seq, place);
      markDue(parts.filter((part) => part.dataset.events.split(" ").includes(event)));
    } else if (event === "resync") {
      seq = data.seq;
      markDue(parts);
    } else if (event === "ack" && data.stream) {
      failures = 0;
      showState(true);
    }
  };

  const connect = () => {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/`);
    const send = (event, data) => socket.send(JSON.stringify({ event, data }));
    socket.onopen = () => {
      send("resume", { after: seq });
      send(`subscribe:${live}`, live === "trader" ? { platform, traderId: trader } : null);
    };
    socket.onmessage = (message) => receive(JSON.parse(message.data));
    socket.onclose = () => {
      showState(false);
      const wait = Math.min(500 * 2 ** failures, LONGEST_WAIT);
      failures += 1;
      setTimeout(connect, wait * (0.5 + Math.random() / 2));
    };
  };

  document.addEventListener("visibilitychange", renewDue);
  setInterval(() => markDue(parts), RENEW_EVERY);
  connect();
})();
