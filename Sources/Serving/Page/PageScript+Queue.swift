extension PageScript {
    /// Progress and worlds.
    static let queue = #"""
        // MARK: Progress

        const states = ["ready", "leased", "retry", "done", "failed", "cancelled"];
        let lastPercent = -1;
        let jobs = {};

        function showQueue(queue) {
          jobs = queue.jobs;
          const outstanding = jobs.ready + jobs.leased + jobs.retry;
          const finished = jobs.done + jobs.failed + jobs.cancelled;
          const percent = jobs.total > 0 ? Math.floor(finished * 100 / jobs.total) : 0;
          say("percent", String(percent));
          say("finished", count(finished));
          say("total", count(jobs.total));
          const [number, unit] = rate(queue.jobs_per_second);
          say("rate", number);
          say("rate-unit", unit);
          say("left", outstanding === 0 ? (jobs.total > 0 ? "done" : "–")
            : queue.seconds_left === null ? "not known yet" : duration(queue.seconds_left));
          for (const state of states) say("count-" + state, count(jobs[state]));
          const bar = byID("bar");
          bar.max = Math.max(1, jobs.total);
          bar.value = finished;
          byID("empty-queue").hidden = jobs.total > 0;
          byID("cancel-row").hidden = jobs.total === 0;
          byID("cancel-all").disabled = outstanding === 0;
          showRates(queue.past_rates);
          showStatus(queue, outstanding);
          showWorlds(queue.worlds);
          say("model", queue.model);
          document.title = (outstanding > 0 ? percent + " % · " : "") + queue.model + " · PaliGemma";
          // Who listens hears of every per cent, not of every job.
          if (percent !== lastPercent && lastPercent >= 0) say("live", percent + " % of " + several(jobs.total, "job", "jobs") + " finished");
          lastPercent = percent;
        }

        function showStatus(queue, outstanding) {
          const [name, text] = !queue.reachable ? ["bad", "Queue not reachable"]
            : queue.draining ? ["wait", "Being stopped"]
            : queue.worlds.length === 0 ? ["bad", "No world"]
            : ["good", outstanding > 0 ? "Working" : "Idle"];
          byID("status").className = "status " + name;
          say("status-text", text);
        }

        function showRates(rates) {
          const top = Math.max(0, ...rates);
          byID("rates").hidden = rates.length < 2 || top === 0;
          if (top === 0) return;
          const points = rates.map((rate, index) => [120 - rates.length + index + 1, (30 - rate / top * 28).toFixed(2)].join());
          byID("rate-line").setAttribute("points", points.join(" "));
          say("rate-top", rate(top).join(" "));
        }

        // MARK: Worlds

        function showWorlds(worlds) {
          byID("no-worlds").hidden = worlds.length > 0;
          byID("world-list").replaceChildren(...worlds.map(worldCard));
        }

        function worldCard(world) {
          const language = world.ranks - world.vision_ranks;
          const plan = world.ranks === 1 ? "1 rank" : world.ranks + " ranks: " + world.vision_ranks + " vision, " + language + " language";
          const about = plan + " · " + world.model + " · up for " + duration(Date.now() / 1000 - world.started)
            + ", last sign " + duration(world.seen_seconds_ago) + " ago";
          const figure = (name, number) => make("div", {}, make("dt", {}, name), make("dd", {}, count(number)));
          return make("article", { class: "world" }, make("h3", {}, world.name), make("p", { class: "quiet" }, about),
            make("dl", { class: "counts small" }, figure("Answered", world.answered), figure("Failed", world.failed), figure("In flight", world.in_flight)),
            worldTimes(world.times));
        }

        function worldTimes(times) {
          if (!times || times.seconds < 1) return make("p", { class: "quiet" }, "How its ranks spend their time is known in some seconds.");
          const head = make("tr", {}, make("th", { scope: "col" }, "Rank"), make("td"),
            ["Vision", "Prefill", "Decode", "Idle"].map(name => make("th", { scope: "col", class: name.toLowerCase() }, name)));
          const percent = part => part === null ? null : Math.round(Math.min(1, part / times.seconds) * 100);
          const rows = times.ranks.map((rank, index) => {
            const cell = part => make("td", {}, part === null ? "–" : String(part));
            let start = 0;
            const bars = ["vision", "prefill", "decode"].map(name => {
              const width = percent(rank[name]) || 0;
              start += width;
              return width > 0 ? shape("rect", { class: name, x: start - width, width, height: 8 }) : null;
            });
            return make("tr", {}, make("th", { scope: "row" }, String(index)),
              make("td", { class: "bar" }, shape("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, bars)),
              ["vision", "prefill", "decode", "idle"].map(name => cell(percent(rank[name]))));
          });
          return make("div", { class: "scroll" }, make("table", { class: "ranks" },
            make("caption", {}, "The last " + duration(times.seconds) + ", in per cent"), make("thead", {}, head), make("tbody", {}, rows)));
        }


        """#

    /// Failures, and the question before something is done to many jobs.
    static let failures = #"""
        // MARK: Failures

        let lastCauses = "";

        function showCauses(causes, canceled) {
          const text = JSON.stringify([causes, canceled]);
          if (text === lastCauses) return;
          lastCauses = text;
          const focused = document.activeElement?.dataset?.act;
          const rows = causes.map(cause => causeItem(cause.code, cause.jobs, cause.waiting, cause.example));
          if (canceled > 0) rows.push(canceledItem(canceled));
          byID("no-failures").hidden = rows.length > 0;
          byID("causes").replaceChildren(...rows);
          if (focused) [...byID("causes").querySelectorAll("button")].find(button => button.dataset.act === focused)?.focus();
        }

        function item(code, parts, example, buttons) {
          const numbers = parts.flatMap(([number, text], index) => [index > 0 ? ", " : "", make("strong", {}, count(number)), " " + text]);
          return make("li", {}, make("div", {}, make("p", {}, make("code", {}, code), " ", make("span", { class: "number" }, numbers)),
            make("p", { class: "quiet" }, example)), make("div", { class: "actions" }, buttons));
        }

        function act(name, code, label, run) {
          const button = make("button", { type: "button", "data-act": name + " " + code, "aria-label": label }, name);
          button.addEventListener("click", run);
          return button;
        }

        function causeItem(code, failed, waiting, example) {
          const parts = [[failed, "failed"], [waiting, "to be tried again"]].filter(part => part[0] > 0);
          const buttons = [];
          if (failed > 0) buttons.push(act("Retry", code, "Retry jobs that failed with " + code, () => confirm({
            title: "Retry " + several(failed, "job", "jobs") + "?", yes: "Retry",
            text: "They failed with " + code + " and are queued again, with all their attempts.",
            run: () => post("/v1/retry", { code }) })));
          if (waiting > 0) buttons.push(act("Cancel", code, "Cancel jobs that wait after " + code, () => confirm({
            title: "Cancel " + several(waiting, "job", "jobs") + "?", yes: "Cancel them",
            text: "They failed with " + code + " and wait for another attempt. Canceled jobs can be queued again.",
            run: () => post("/v1/cancel", { code }) })));
          return item(code, parts, example, buttons);
        }

        function canceledItem(canceled) {
          return item("cancelled", [[canceled, "canceled"]], "", [act("Retry", "cancelled", "Retry canceled jobs", () => confirm({
            title: "Queue " + several(canceled, "canceled job", "canceled jobs") + " again?", yes: "Queue again",
            text: "They are answered after what is already in the queue, by their priority.",
            run: () => post("/v1/retry", { code: "cancelled" }) }))]);
        }

        byID("cancel-all").addEventListener("click", () => {
          const left = jobs.ready + jobs.leased + jobs.retry;
          confirm({ title: "Cancel " + several(left, "job", "jobs") + "?", yes: "Cancel them",
            text: "All that is not finished: " + several(jobs.ready, "is ready", "are ready") + ", " + count(jobs.leased) + " running, "
              + count(jobs.retry) + " to be tried again. Canceled jobs can be queued again.",
            run: () => post("/v1/cancel", { all: true }) });
        });

        // MARK: The question before

        let confirmed = null;

        function confirm(question) {
          confirmed = question;
          say("confirm-title", question.title);
          say("confirm-text", question.text);
          say("confirm-error", "");
          say("confirm-yes", question.yes);
          byID("confirm-yes").disabled = false;
          byID("confirm").showModal();
        }

        byID("confirm-yes").addEventListener("click", async () => {
          byID("confirm-yes").disabled = true;
          try {
            const { jobs: changed } = await confirmed.run();
            byID("confirm").close();
            say("live", several(changed, "job was", "jobs were") + " changed");
            poll();
          } catch (error) {
            say("confirm-error", error.message);
            byID("confirm-yes").disabled = false;
          }
        });


        """#
}
