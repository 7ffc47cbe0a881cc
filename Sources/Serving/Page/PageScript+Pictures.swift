extension PageScript {
    /// Boxes over a picture, and their list.
    static let boxes = #"""
        // MARK: Boxes

        // In units of which the longer side of the picture has so many, so that lines and numbers are as large on every one.
        function overlay(boxes, size, longer) {
          const [width, height] = size || [];
          if (!boxes.length || !(width > 0 && height > 0)) return null;
          const scale = longer / Math.max(width, height);
          const unit = pixels => (Math.max(0, pixels) * scale).toFixed(1);
          return shape("svg", { class: "boxes", viewBox: "0 0 " + unit(width) + " " + unit(height), "aria-hidden": "true" },
            boxes.map((found, index) => {
              const [left, top, right, bottom] = found.box;
              const place = { x: unit(left), y: unit(top), width: unit(right - left), height: unit(bottom - top) };
              return shape("g", {}, shape("rect", { class: "halo", ...place }), shape("rect", { class: "box", ...place }),
                shape("text", { x: unit(left), y: unit(top), dx: 5, dy: 15 }, String(index + 1)));
            }));
        }

        const foundItems = (boxes, detailed) => boxes.map((found, index) => make("li", {},
          make("span", { class: "badge" }, String(index + 1)), " " + (found.label || "unnamed"),
          detailed ? make("span", { class: "quiet" }, " " + found.box.join(", ")) : null));

        function notes(boxes, images) {
          const parts = [];
          if (images > 1) parts.push("1 of " + images + " pictures");
          if (boxes.some(found => found.mask)) parts.push("masks are given and not drawn");
          return parts.join(" · ");
        }


        """#

    /// The latest answers.
    static let gallery = #"""
        // MARK: Gallery

        const answers = new Map();
        const comingIntoView = new IntersectionObserver(entries => {
          for (const entry of entries.filter(entry => entry.isIntersecting)) {
            comingIntoView.unobserve(entry.target);
            loadPicture(entry.target);
          }
        }, { rootMargin: "400px" });

        function showAnswers(results) {
          byID("no-answers").hidden = results.length > 0;
          const items = results.map(result => {
            if (!answers.has(result.number)) answers.set(result.number, answerItem(result));
            return answers.get(result.number);
          });
          const numbers = new Set(results.map(result => result.number));
          for (const number of [...answers.keys()]) if (!numbers.has(number)) answers.delete(number);
          byID("answers").replaceChildren(...items);
        }

        function answerItem(result) {
          const boxes = result.boxes || [];
          const frame = make("div", { class: "picture" });
          frame.result = result;
          if (result.images.length > 0) comingIntoView.observe(frame);
          else frame.append(make("p", { class: "placeholder" }, "It has no picture."));
          const said = result.error
            ? make("p", { class: "error" }, make("code", {}, result.error.code), " " + result.error.message)
            : boxes.length > 0 ? make("ul", { class: "found" }, foundItems(boxes, false))
            : make("p", { class: "said" }, result.text || "(no text)");
          const note = notes(boxes, result.images.length);
          return make("li", {}, make("figure", {}, frame, make("figcaption", {}, make("p", { class: "prompt" }, result.prompt), said,
            note ? make("p", { class: "quiet" }, note) : null)));
        }

        async function loadPicture(frame) {
          const result = frame.result;
          try {
            const image = await jobPicture(result.id, result.images[0]);
            frame.replaceChildren(image, ...[overlay(result.boxes || [], result.image_size, 240)].filter(Boolean));
          } catch (error) {
            frame.replaceChildren(make("p", { class: "placeholder" }, error.message));
          }
        }

        // Fetched, because an address alone cannot hold the key.
        async function jobPicture(id, name) {
          const response = await ask("/v1/jobs/" + encodeURIComponent(id) + "/picture/0", { cache: "default" });
          return decoded(await response.blob(), name);
        }

        async function decoded(blob, name) {
          const image = new Image();
          image.alt = name;
          const address = URL.createObjectURL(blob);
          image.src = address;
          try { await image.decode(); } finally { URL.revokeObjectURL(address); }
          return image;
        }


        """#
}
