/// How the page looks: system fonts, one accent color, light and dark.
enum PageStyle {
    static let text = colors + base + parts + controls + pictures

    /// The sign in the browser's tab.
    static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="1" y="1" width="30" height="30" rx="8" \
        fill="#2e56d8"/><path d="M9.5 13V9.5H13M19 9.5h3.5V13M22.5 19v3.5H19M13 22.5H9.5V19" fill="none" stroke="#fff" \
        stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/><circle cx="16" cy="16" r="2.4" fill="#fff"/></svg>
        """

    private static let colors = """
        :root {
          color-scheme: light dark;
          --ground: #fbfbf9; --surface: #ffffff; --sunken: #f1f1ed; --ink: #1b1b18; --quiet: #5f5e58; --line: #e3e2dc;
          --edge: #8b8a83; --accent: #2e56d8; --on-accent: #ffffff; --second: #7f98ea; --third: #bccaf6;
          --bad: #b0261c; --bad-ground: #fcefed;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #131312; --surface: #1b1b19; --sunken: #222220; --ink: #edece7; --quiet: #a5a49c; --line: #302f2c;
            --edge: #77766f; --accent: #93abff; --on-accent: #0f1633; --second: #5f76c9; --third: #3a4887;
            --bad: #ff9b8f; --bad-ground: #34201d;
          }
        }

        """

    private static let base = """
        *, ::before, ::after { box-sizing: border-box; }
        [hidden] { display: none !important; }
        html { -webkit-text-size-adjust: 100%; }
        body {
          margin: 0 auto; max-width: 70rem; padding: 0 clamp(1rem, 4vw, 2.5rem) 3rem; background: var(--ground);
          color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
          font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
        }
        h1, h2, h3, p, dl, dd, ul, figure { margin: 0; padding: 0; }
        ul { list-style: none; }
        h1 { font-size: 1.0625rem; font-weight: 650; line-height: 1.25; letter-spacing: -0.01em; }
        h2 { font-size: 1.25rem; font-weight: 650; line-height: 1.3; letter-spacing: -0.015em; }
        h3 { font-size: 1rem; font-weight: 600; }
        strong { font-weight: 600; }
        a { color: inherit; text-decoration-color: var(--edge); text-underline-offset: 0.2em; }
        a:hover { text-decoration-color: currentColor; }
        code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: 0.875em; }
        .quiet { color: var(--quiet); font-size: 0.875rem; }
        .error { color: var(--bad); font-size: 0.9375rem; }
        .error:empty { display: none; }
        .empty { color: var(--quiet); max-width: 44rem; }
        .empty code, .notice code { color: var(--ink); }
        .empty code { display: block; width: fit-content; margin-top: 0.5rem; padding: 0.375rem 0.75rem; border-radius: 8px; background: var(--sunken); }
        .notice { background: var(--sunken); border-radius: 10px; padding: 0.75rem 1rem; }
        .notice.bad { background: var(--bad-ground); color: var(--bad); margin-bottom: 1.5rem; }
        .only-heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        html:not(.scripted) .needs-script { display: none; }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

        """

    private static let parts = """
        header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding: 1.25rem 0 1.75rem; }
        .brand { display: flex; align-items: center; gap: 0.75rem; min-width: 0; }
        .brand .quiet { line-height: 1.25; }
        .mark { flex: none; width: 2.25rem; height: 2.25rem; }
        .mark rect { fill: var(--accent); }
        .mark path { fill: none; stroke: var(--on-accent); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
        .mark circle { fill: var(--on-accent); }
        .status { display: flex; align-items: center; gap: 0.5rem; font-size: 0.9375rem; font-weight: 500; flex: none; }
        .dot { width: 0.625rem; height: 0.625rem; border-radius: 50%; background: var(--accent); }
        .status.bad { color: var(--bad); }
        .status.bad .dot { background: none; border: 2px solid currentColor; }
        .status.wait .dot { background: var(--quiet); }
        main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 3.5rem; }
        section > h2 { margin-bottom: 1rem; }
        #lock { max-width: 28rem; margin: 10vh auto; }
        #lock > p { color: var(--quiet); }
        #lock form { margin-top: 1.5rem; display: grid; gap: 0.375rem; }

        #progress { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.25rem; }
        .label { font-size: 0.875rem; font-weight: 500; color: var(--quiet); letter-spacing: 0; }
        #progress > .hero .label { margin: 0; }
        .figure { font-size: clamp(4rem, 12vw, 6rem); font-weight: 650; line-height: 1; letter-spacing: -0.045em; margin: 0.25rem 0 0.375rem; }
        .unit { font-size: 0.45em; font-weight: 500; letter-spacing: 0; color: var(--quiet); margin-left: 0.1em; }
        .of { color: var(--quiet); }
        .of strong { color: var(--ink); }
        dt { color: var(--quiet); font-size: 0.875rem; }
        .pair { display: flex; flex-wrap: wrap; gap: 0.75rem 2.5rem; align-content: flex-end; }
        .pair dd { font-size: 1.5rem; font-weight: 600; letter-spacing: -0.02em; line-height: 1.3; white-space: nowrap; }
        .pair .unit { font-size: 0.9375rem; }
        #rates { align-self: end; }
        #rates svg { display: block; width: 100%; height: 3rem; overflow: visible; }
        #rates polyline { fill: none; stroke: var(--accent); stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
        #rates figcaption { display: flex; align-items: baseline; justify-content: space-between; gap: 1rem; border-top: 1px solid var(--line); padding-top: 0.25rem; font-size: 0.8125rem; color: var(--quiet); }
        progress { appearance: none; display: block; width: 100%; height: 0.625rem; border: 0; border-radius: 99px; background: var(--line); overflow: hidden; }
        progress::-webkit-progress-bar { background: var(--line); }
        progress::-webkit-progress-value { background: var(--accent); border-radius: 99px; transition: width 0.4s; }
        progress::-moz-progress-bar { background: var(--accent); border-radius: 99px; }
        .counts { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: 0.75rem 1.5rem; }
        .counts dd { font-size: 1.25rem; font-weight: 600; letter-spacing: -0.01em; }
        .counts.small { grid-template-columns: repeat(3, minmax(0, auto)); justify-content: start; gap: 0.5rem 2rem; }
        .counts.small dd { font-size: 1.0625rem; }

        .world + .world { margin-top: 1.75rem; padding-top: 1.75rem; border-top: 1px solid var(--line); }
        .world > * + * { margin-top: 0.75rem; }
        .world > h3 + p { margin-top: 0; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
        caption { text-align: left; color: var(--quiet); padding-bottom: 0.375rem; }
        th, td { text-align: right; padding: 0.3rem 0 0.3rem 0.75rem; font-weight: 400; white-space: nowrap; }
        th { color: var(--quiet); }
        th:first-child { text-align: left; padding-left: 0; }
        thead th { font-size: 0.8125rem; border-bottom: 1px solid var(--line); }
        thead td { border-bottom: 1px solid var(--line); }
        @media (max-width: 26rem) {
          th, td { padding-left: 0.3125rem; font-size: 0.8125rem; }
          thead th { font-size: 0.75rem; }
          .bar { min-width: 1.25rem !important; }
          .ranks th::before { width: 0.4375rem !important; height: 0.4375rem !important; margin-right: 0.1875rem !important; }
        }
        .bar { width: 45%; min-width: 2rem; }
        .bar svg { display: block; width: 100%; height: 0.625rem; border-radius: 99px; background: var(--line); }
        th.vision::before, th.prefill::before, th.decode::before, th.idle::before {
          content: ""; display: inline-block; width: 0.625rem; height: 0.625rem; border-radius: 3px; margin-right: 0.375rem; background: var(--line);
        }
        rect.vision { fill: var(--accent); } th.vision::before { background: var(--accent); }
        rect.prefill { fill: var(--second); } th.prefill::before { background: var(--second); }
        rect.decode { fill: var(--third); } th.decode::before { background: var(--third); }

        .causes li { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0.5rem 1rem; padding: 0.75rem 0; border-top: 1px solid var(--line); }
        .causes li:last-child { border-bottom: 1px solid var(--line); }
        .causes li > div:first-child { flex: 1 1 14rem; min-width: 0; }
        .causes code { font-weight: 600; margin-right: 0.5rem; }
        footer { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.5rem 2rem; margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 0.875rem; color: var(--quiet); }
        footer a { margin-right: 1rem; }
        @media (min-width: 52rem) {
          #progress { grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); column-gap: 3.5rem; }
          .hero { grid-row: span 2; }
          #progress > progress, #progress > .counts, #progress > .empty, #progress > .actions { grid-column: 1 / -1; }
          .pair { justify-content: flex-start; align-self: end; }
          main { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); column-gap: 3.5rem; }
          #progress, #try, #gallery { grid-column: 1 / -1; }
        }
        @media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }

        """

    private static let controls = """
        button, input, select { font: inherit; color: inherit; min-height: 2.5rem; border-radius: 9px; max-width: 100%; }
        input, select { width: 100%; border: 1px solid var(--edge); background: var(--surface); padding: 0.375rem 0.75rem; }
        label { display: block; font-size: 0.875rem; font-weight: 500; margin-bottom: 0.25rem; }
        button { border: 1px solid var(--edge); background: none; padding: 0.375rem 1rem; font-weight: 500; cursor: pointer; white-space: nowrap; }
        button:hover:not(:disabled) { background: var(--sunken); }
        button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
        button.primary:hover:not(:disabled) { background: var(--accent); filter: brightness(1.08); }
        button:disabled { opacity: 0.45; cursor: default; }
        .actions { display: flex; flex-wrap: wrap; gap: 0.5rem; }
        .row { display: flex; gap: 0.5rem; }
        .causes button { min-height: 2.25rem; padding: 0.25rem 0.75rem; font-size: 0.875rem; }
        dialog { width: min(28rem, calc(100vw - 2rem)); border: 1px solid var(--line); border-radius: 16px; padding: 1.5rem; background: var(--surface); color: var(--ink); box-shadow: 0 24px 64px rgb(0 0 0 / 0.25); }
        dialog::backdrop { background: rgb(0 0 0 / 0.4); }
        dialog form { display: grid; gap: 0.75rem; }
        dialog .actions { justify-content: flex-end; margin-top: 0.5rem; }

        .try { display: grid; grid-template-columns: minmax(0, 1fr); gap: 2rem; }
        html:not(.scripted) .try { display: none; }
        #try-form { display: grid; gap: 1.125rem; align-content: start; }
        .fields { display: grid; grid-template-columns: minmax(0, 1fr) 6rem; gap: 0.75rem; }
        .fields > :only-child, .fields:has(> [hidden]) { grid-template-columns: minmax(0, 1fr); }
        .drop { border: 1px dashed var(--edge); border-radius: 12px; padding: 1rem; background: var(--surface); }
        .drop.over { border: 1px solid var(--accent); background: var(--sunken); }
        .drop input { border: 0; padding: 0; background: none; min-height: 2.25rem; line-height: 2.25rem; }
        input::file-selector-button { font: inherit; font-weight: 500; color: var(--ink); background: var(--sunken); border: 1px solid var(--edge); border-radius: 9px; padding: 0.25rem 0.875rem; margin-right: 0.75rem; cursor: pointer; }
        .outcome { display: grid; gap: 0.75rem; align-content: start; min-width: 0; }
        output { display: block; font-size: 1.125rem; white-space: pre-wrap; }
        output:empty { display: none; }
        output[aria-busy="true"]::after { content: ""; display: inline-block; width: 0.5em; height: 1.05em; margin-left: 0.15em; vertical-align: text-bottom; background: var(--accent); animation: blink 1.1s steps(2, jump-none) infinite; }
        @keyframes blink { from { opacity: 1; } to { opacity: 0.15; } }
        details summary { cursor: pointer; font-size: 0.875rem; color: var(--quiet); padding: 0.25rem 0; }
        pre { margin: 0.5rem 0; padding: 0.75rem 1rem; border-radius: 10px; background: var(--sunken); white-space: pre-wrap; max-height: 14rem; overflow: auto; }
        @media (min-width: 52rem) { .try { grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); gap: 3.5rem; } }

        """

    private static let pictures = """
        .gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(14rem, 100%), 1fr)); gap: 2rem 1.25rem; }
        .picture { position: relative; aspect-ratio: 4 / 3; border-radius: 12px; background: var(--sunken); overflow: hidden; display: grid; place-items: center; }
        .picture img, .picture svg { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
        .placeholder { color: var(--quiet); font-size: 0.875rem; padding: 1rem; text-align: center; max-width: 22rem; }
        .boxes rect { fill: none; vector-effect: non-scaling-stroke; }
        .boxes .halo { stroke: #ffffff; stroke-width: 4; stroke-opacity: 0.85; }
        .boxes .box { stroke: #1c3fb8; stroke-width: 2; }
        .boxes text { font: 650 13px system-ui, sans-serif; fill: #1c3fb8; stroke: #ffffff; stroke-width: 4; stroke-linejoin: round; paint-order: stroke; }
        figcaption > * + * { margin-top: 0.125rem; }
        .gallery figcaption { padding-top: 0.625rem; }
        .prompt { color: var(--quiet); font-size: 0.875rem; }
        .said { white-space: pre-line; display: -webkit-box; -webkit-line-clamp: 6; -webkit-box-orient: vertical; overflow: hidden; }
        .found { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }
        .found:empty { display: none; }
        .found li { display: flex; align-items: baseline; gap: 0.375rem; }
        .badge { font-size: 0.75rem; font-weight: 650; line-height: 1.25rem; min-width: 1.25rem; padding: 0 0.25rem; text-align: center; border-radius: 6px; background: var(--sunken); color: var(--accent); }

        """
}
