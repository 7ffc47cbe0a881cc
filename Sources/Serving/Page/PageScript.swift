/// What the page does: it asks the service every two seconds and shows what it says. Text from outside enters the page through
/// `textContent` and attributes that hold text, nothing else.
enum PageScript {
    static let text =
        "\"use strict\";\n(() => {\n" + basics + queue + failures + boxes + gallery + form + curl + start + "})();\n"

    private static let basics = #"""
        const root = document.documentElement;
        root.classList.add("scripted");
        const byID = id => document.getElementById(id);

        // An element with its attributes and what is in it: text, elements, or nothing.
        function make(name, attributes, ...children) {
          return fill(document.createElement(name), attributes, children);
        }
        function shape(name, attributes, ...children) {
          return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
        }
        function fill(element, attributes, children) {
          for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
          element.append(...children.flat().filter(child => child !== null && child !== ""));
          return element;
        }
        function say(id, text) {
          const element = byID(id);
          if (element.textContent !== text) element.textContent = text;
        }

        // MARK: Numbers, as the service writes them

        const count = number => Number(number).toLocaleString("en-US", { maximumFractionDigits: 0 });

        function duration(seconds) {
          if (!Number.isFinite(seconds) || seconds >= 1e9) return "very long";
          const whole = Math.round(Math.max(0, seconds));
          const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
          const first = units.findIndex(unit => whole >= unit[1]);
          if (first < 0) return "0 s";
          let text = Math.floor(whole / units[first][1]) + " " + units[first][0];
          if (first + 1 < units.length) {
            const second = Math.floor(whole % units[first][1] / units[first + 1][1]);
            if (second > 0) text += " " + second + " " + units[first + 1][0];
          }
          return text;
        }

        function rate(number) {
          if (number >= 100) return [count(Math.round(number)), "jobs/s"];
          if (number >= 0.1) return [number.toFixed(number >= 10 ? 1 : 2), "jobs/s"];
          return [count(Math.round(number * 3600)), "jobs/h"];
        }

        const several = (number, one, many) => count(number) + " " + (number === 1 ? one : many);

        // MARK: Asking the service

        let key = "";
        try { key = sessionStorage.getItem("paligemma-key") || ""; } catch { /* The tab forgets it earlier then. */ }

        async function ask(path, options = {}) {
          const headers = { ...options.headers };
          if (key) headers.Authorization = "Bearer " + key;
          if (options.body) headers["Content-Type"] = "application/json";
          let response;
          try {
            response = await fetch(path, { ...options, headers, cache: options.cache || "no-store" });
          } catch (error) {
            if (error.name === "AbortError") throw error;
            throw new Error("The service does not answer. Is it running?");
          }
          if (response.ok) return response;
          let message = "The service answered with status " + response.status + ".";
          try { message = (await response.json()).error.message; } catch { /* It is not one of its own errors. */ }
          throw Object.assign(new Error(message), { status: response.status });
        }
        const read = async path => (await ask(path)).json();
        const post = async (path, value) => (await ask(path, { method: "POST", body: JSON.stringify(value) })).json();


        """#

    private static let start = #"""
        // MARK: The loop

        let timer = 0;
        let lastEnds = "";

        async function poll() {
          clearTimeout(timer);
          try {
            const queue = await read("/v1/queue");
            showQueue(queue);
            const jobs = queue.jobs;
            const ends = [jobs.done, jobs.failed, jobs.cancelled, jobs.retry].join();
            if (ends !== lastEnds) {
              const [causes, results] =
                await Promise.all([read("/v1/failures"), read("/v1/results?last=48")]);
              showCauses(causes.data, jobs.cancelled);
              showAnswers(results.data);
              lastEnds = ends;
            }
            byID("trouble").hidden = true;
            say("updated", "Updated " + new Date().toLocaleTimeString());
          } catch (error) {
            if (error.status === 401) return lock(key ? error.message : "");
            say("trouble", error.message + " What is shown is as old as the time below says; the page goes on asking.");
            byID("trouble").hidden = false;
          }
          timer = setTimeout(poll, document.hidden ? 10000 : 2000);
        }
        document.addEventListener("visibilitychange", () => { if (!document.hidden && !byID("main").hidden) poll(); });

        // MARK: The key

        function lock(message) {
          byID("main").hidden = true;
          byID("lock").hidden = false;
          say("key-error", message);
          byID("key").focus();
        }

        async function unlock() {
          say("key-error", "");
          try {
            await read("/v1/queue");
          } catch (error) {
            return lock(error.message);
          }
          try { sessionStorage.setItem("paligemma-key", key); } catch { /* It is asked for again. */ }
          byID("lock").hidden = true;
          byID("main").hidden = false;
          poll();
        }

        if (root.hasAttribute("data-locked")) {
          byID("key-form").addEventListener("submit", event => {
            event.preventDefault();
            key = byID("key").value.trim();
            byID("key").value = "";
            unlock();
          });
          if (key) unlock(); else byID("key").focus();
        } else {
          poll();
        }

        """#
}
