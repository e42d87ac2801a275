// The form on the home page. Whatever comes from a person or the service is set as text, never as HTML.
"use strict";

const EXAMPLE =
  "A peer support worker has been through it, so people open up to her sooner than to us. " +
  "She shows them that one can get well again.";
const RETRY_MILLISECONDS = 2000;
const MOST_TRIES = 60;
const OWN_WORDS = { segment_empty: "Please write or paste a piece of text first." };

const byId = (id) => document.getElementById(id);
const form = document.querySelector("form");
// Counts the requests, so that the answer to an older one is not shown after a newer one.
let latest = 0;

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.dir = "auto";
  made.append(...children);
  return made;
}

const percent = (score) => `${Math.round(score * 100)}%`;

function say(words, kind = "") {
  byId("status").textContent = words;
  byId("status").className = kind;
}

function pathLines(path) {
  const names = path.map((step) => element("bdi", "", step.name));
  const own = element("strong", "", names.pop());
  const above = element("span", "", ...names.flatMap((name) => [" › ", name]).slice(1));
  return element("p", "path", above, own);
}

function scoreLine(score) {
  const bar = document.createElement("meter");
  bar.value = score;
  bar.textContent = percent(score);
  bar.setAttribute("aria-hidden", "true");
  return element("p", "score", bar, ` ${percent(score)} likely that an analyst applies this code here`);
}

function evidenceLine(evidence) {
  const kind = evidence.kind === "definition" ? "Its definition" : `A coded segment, ${evidence.reference ?? "uncited"}`;
  const quote = element("q", "", evidence.text);
  return element("p", "evidence", `${kind} (similarity ${evidence.similarity.toFixed(2)}): `, quote);
}

function show(result) {
  const entries = result.suggestions.map((found) =>
    element("li", "", pathLines(found.path), scoreLine(found.score), ...found.evidence.map(evidenceLine)),
  );
  byId("results").replaceChildren(...entries);
  if (entries.length > 0) {
    const count = entries.length === 1 ? "One code fits" : `${entries.length} codes fit`;
    say(`${count}, best first. The scores rest on other studies; coded segments of yours would sharpen them.`);
  } else if (result.back_off !== null) {
    say("No single code is likely enough, so none is suggested. This much is:");
    byId("results").replaceChildren(element("li", "", pathLines(result.back_off.path), scoreLine(result.back_off.score)));
  } else {
    say("No code of this codebook is likely enough, so none is suggested.");
  }
}

async function explain(answer, request, text, tries) {
  const problem = await answer.json();
  if (problem.code === "model_unavailable" && tries < MOST_TRIES) {
    say(`${problem.detail} Trying again every two seconds.`, "waiting");
    setTimeout(() => request === latest && ask(request, text, tries + 1), RETRY_MILLISECONDS);
  } else if (answer.status === 401) {
    say("This service asks for a token, which this page does not have. Use it from a program, as shown below.", "trouble");
  } else {
    say(OWN_WORDS[problem.code] ?? problem.detail, "trouble");
  }
}

async function ask(request, text, tries) {
  try {
    const answer = await fetch("/v1/suggest", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ codebook: "upsides", segments: [{ id: "1", text }] }),
    });
    if (request !== latest) return;
    if (answer.ok) show((await answer.json()).results[0]);
    else await explain(answer, request, text, tries);
  } catch {
    if (request === latest) say("The service does not answer. Is it still running?", "trouble");
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  latest += 1;
  byId("results").replaceChildren();
  say("Reading …", "waiting");
  ask(latest, byId("text").value, 1);
});

byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

byId("example").addEventListener("click", () => {
  byId("text").value = EXAMPLE;
  form.requestSubmit();
});

byId("suggest").disabled = false;
byId("example").disabled = false;
