extension PageScript {
    /// The form that tries a picture.
    static let form = #"""
        // MARK: Trying a picture

        const tasks = {
          caption: { language: true }, describe: { language: true }, ocr: {},
          detect: { about: "Objects", hint: "Several with ; between them, like: cat ; dog" },
          segment: { about: "Objects", hint: "Several with ; between them, like: cat ; dog" },
          answer: { language: true, about: "Question", hint: "Like: how many cats are there?" },
          question: { language: true, about: "Known answer", hint: "The model finds a question that it answers." },
          "": { about: "Prompt", hint: "The model gets it word for word." },
        };
        const largestPicture = 32 * 1024 * 1024;
        let running = null;

        function showFields() {
          const task = tasks[byID("task").value];
          byID("language-field").hidden = !task.language;
          byID("about-field").hidden = !task.about;
          byID("about").required = Boolean(task.about);
          say("about-label", task.about || "");
          say("about-hint", task.hint || "");
        }
        byID("task").addEventListener("change", showFields);
        showFields();

        function showStage(...children) { byID("stage").replaceChildren(...children.filter(Boolean)); }
        const placeholder = text => make("p", { class: "placeholder" }, text);

        async function showChosen() {
          const file = byID("file").files[0];
          clearOutcome();
          if (!file) return showStage(placeholder("The picture, and what is found in it"));
          try {
            const image = await decoded(file, file.name);
            if (file === byID("file").files[0]) showStage(image);
          } catch {
            showStage(placeholder("This browser cannot show " + file.name + "; the model may read it all the same."));
          }
        }
        byID("file").addEventListener("change", showChosen);

        function take(files) {
          if (!files.length) return false;
          const one = new DataTransfer();
          one.items.add(files[0]);
          byID("file").files = one.files;
          showChosen();
          return true;
        }
        const drop = byID("drop");
        drop.addEventListener("dragover", event => { event.preventDefault(); drop.classList.add("over"); });
        drop.addEventListener("dragleave", () => drop.classList.remove("over"));
        drop.addEventListener("drop", event => {
          event.preventDefault();
          drop.classList.remove("over");
          take(event.dataTransfer.files);
        });
        document.addEventListener("paste", event => { if (take(event.clipboardData.files)) event.preventDefault(); });

        function clearOutcome() {
          for (const id of ["try-error", "answer", "answer-note"]) say(id, "");
          byID("found").replaceChildren();
          byID("request").hidden = true;
          byID("stage").querySelector("svg")?.remove();
        }

        byID("stop").addEventListener("click", () => running?.abort());
        byID("try-form").addEventListener("submit", async event => {
          event.preventDefault();
          if (running) return;
          const file = byID("file").files[0];
          clearOutcome();
          if (file.size > largestPicture) return say("try-error", "The picture has " + Math.ceil(file.size / 1048576) + " MiB; at most 32 are taken.");
          const answer = byID("answer");
          running = new AbortController();
          byID("ask").disabled = true;
          byID("stop").hidden = false;
          answer.setAttribute("aria-busy", "true");
          try {
            const began = performance.now();
            showCommand(file);
            const job = await stream(body(await address(file)), running.signal, text => say("answer", readable(text)));
            const seconds = (performance.now() - began) / 1000;
            const result = await read("/v1/jobs/" + encodeURIComponent(job) + "?wait=10");
            await showResult(result, file, seconds);
          } catch (error) {
            say("try-error", error.name === "AbortError" ? "Stopped." : error.message);
          } finally {
            running = null;
            byID("ask").disabled = false;
            byID("stop").hidden = true;
            answer.setAttribute("aria-busy", "false");
          }
        });

        // What is left of an answer without its places and masks.
        const readable = text => text.replace(/<(loc\d{4}|seg\d{3})>/g, "").trim();

        async function showResult(result, file, seconds) {
          const boxes = result.boxes || [];
          say("answer", boxes.length > 0 ? "Found " + several(boxes.length, "object", "objects") : readable(result.text) || "(no text)");
          byID("found").replaceChildren(...foundItems(boxes, true));
          say("answer-note", ["Answered in " + seconds.toFixed(seconds < 10 ? 2 : 0) + " s", notes(boxes, 1)].filter(Boolean).join(" · "));
          const stage = byID("stage");
          // What the browser cannot show, the service can.
          if (!stage.querySelector("img")) showStage(await jobPicture(result.id, file.name));
          const drawn = overlay(boxes, result.image_size, 420);
          if (drawn) stage.append(drawn);
        }

        function address(file) {
          return new Promise((resolve, reject) => {
            const reader = new FileReader();
            reader.onload = () => resolve("data:;base64," + reader.result.slice(reader.result.indexOf(",") + 1));
            reader.onerror = () => reject(new Error("The picture cannot be read any more; choose it again."));
            reader.readAsDataURL(file);
          });
        }

        function body(url) {
          const content = [{ type: "image_url", image_url: { url } }];
          const name = byID("task").value;
          if (!name) {
            return { messages: [{ role: "user", content: [...content, { type: "text", text: byID("about").value }] }], stream: true };
          }
          const paligemma = { task: name };
          if (tasks[name].language) paligemma.lang = byID("language").value.trim() || "en";
          if (tasks[name].about) paligemma.about = byID("about").value;
          return { messages: [{ role: "user", content }], paligemma, stream: true };
        }

        // Reads the parts of an answer as they come; returns the id of its job.
        async function stream(value, signal, show) {
          const response = await ask("/v1/chat/completions", { method: "POST", body: JSON.stringify(value), signal });
          const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
          let [rest, text, id] = ["", "", ""];
          while (true) {
            const { done, value: part } = await reader.read();
            if (done) break;
            const events = (rest + part).split("\n\n");
            rest = events.pop();
            for (const event of events.filter(event => event.startsWith("data: ") && event !== "data: [DONE]")) {
              const chunk = JSON.parse(event.slice(6));
              if (chunk.error) throw new Error(chunk.error.message);
              id = chunk.id;
              text += chunk.choices[0]?.delta.content || "";
              show(text);
            }
          }
          return "req-" + id.replace(/^chatcmpl-/, "");
        }


        """#

    /// The request as a command.
    static let curl = #"""
        // MARK: The same from a terminal

        const quoted = text => "'" + text.replaceAll("'", "'\\''") + "'";

        function showCommand(file) {
          const mark = "PICTURE";
          const value = body(mark);
          delete value.stream;
          const [before, after] = JSON.stringify(value).split('"' + mark + '"');
          say("curl", "{ printf %s " + quoted(before + '"data:;base64,') + "; base64 < " + quoted(file.name) + " | tr -d '\\n'; printf %s "
            + quoted('"' + after) + "; } |\n  curl " + quoted(location.origin + "/v1/chat/completions") + " -H 'Content-Type: application/json'"
            + (key ? ' -H "Authorization: Bearer $KEY"' : "") + " -d @-");
          byID("request").hidden = false;
        }

        byID("copy").hidden = !navigator.clipboard;
        byID("copy").addEventListener("click", async () => {
          try {
            await navigator.clipboard.writeText(byID("curl").textContent);
            say("copy", "Copied");
          } catch {
            say("copy", "Select it and copy");
          }
          setTimeout(() => say("copy", "Copy"), 2000);
        });


        """#
}
