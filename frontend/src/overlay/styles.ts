/** How the overlay looks, as one style sheet: adopted, never written into the page, which a strict policy would not allow. */

export const STYLES = `
:host { all: initial; }
.panel {
  --ground: #fff; --raised: #f5f6f8; --line: #dfe3e9; --text: #1b2230; --quiet: #545e70; --accent: #0b5bb5; --chosen: #e2edfb;
  --in: #0a6547; --out: #6733b0; --gap: #fff2d0; --gap-text: #714400; --rule: #eceff4; --bad: #b3261e; --bad-ground: #fdeaea; --good: #0f8a5f;
  color-scheme: light;
  position: fixed; inset: auto 0 0; z-index: 2147483647; box-sizing: border-box;
  display: flex; flex-direction: column; border-top: 1px solid var(--line); box-shadow: 0 -8px 28px rgb(10 20 40 / 16%);
  background: var(--ground); color: var(--text); font: 12px/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  .panel {
    --ground: #14171d; --raised: #1b1f27; --line: #2e3541; --text: #e2e6ee; --quiet: #9da8ba; --accent: #82b8ff; --chosen: #1d3455;
    --in: #62d2a6; --out: #c5a8ff; --gap: #382d13; --gap-text: #ffd580; --rule: #20252f; --bad: #ff9d96; --bad-ground: #3a1d1f; --good: #3ecf94;
    color-scheme: dark; box-shadow: 0 -8px 28px rgb(0 0 0 / 55%);
  }
}
@media (prefers-reduced-motion: no-preference) {
  .panel { animation: rise 140ms ease-out; }
  @keyframes rise { from { transform: translateY(12px); opacity: 0; } }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.edge { flex: none; height: 9px; margin-top: -4px; cursor: ns-resize; touch-action: none; }
.edge::after { content: ""; display: block; width: 44px; height: 3px; margin: 5px auto 0; border-radius: 2px; background: var(--line); }
.edge:is(:hover, :focus-visible)::after { background: var(--accent); }
.head, .toolbar { display: flex; align-items: center; gap: 8px; padding: 2px 12px; background: var(--ground); }
.toolbar { flex-wrap: wrap; padding-block: 4px 8px; border-bottom: 1px solid var(--line); }
h1 { margin: 0 8px 0 0; font-size: 13px; }
h2 { margin: 0 0 6px; font-size: 13px; overflow-wrap: anywhere; }
.vitals { flex: 1; display: flex; flex-wrap: wrap; align-items: center; gap: 0 20px; color: var(--quiet); font-variant-numeric: tabular-nums; }
.state { color: var(--text); }
.state::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 6px; border-radius: 50%; background: var(--quiet); }
.state[data-state=connected]::before { background: var(--good); }
.state[data-state=waiting]::before { background: #d98e04; }
.state[data-state=closed]::before { background: var(--bad); }
svg { width: 122px; height: 22px; margin-right: -12px; }
polyline { fill: none; stroke: var(--accent); stroke-width: 1.25; stroke-linejoin: round; }
button, input {
  height: 26px; margin: 0; padding: 0 10px; border: 1px solid var(--line); border-radius: 6px;
  background: var(--raised); color: inherit; font: inherit; font-variant-numeric: tabular-nums;
}
button { cursor: pointer; white-space: nowrap; }
button:hover { border-color: var(--quiet); }
button[aria-pressed=true] { border-color: var(--accent); background: var(--chosen); }
.close { width: 26px; padding: 0; border-color: transparent; background: none; font-size: 18px; line-height: 1; }
input { flex: 0 1 300px; min-width: 150px; background: var(--ground); }
input::placeholder { color: var(--quiet); opacity: 1; }
input[aria-invalid=true] { border-color: var(--bad); }
.flaw, .said { order: 1; }
.flaw { color: var(--bad); }
.flaw:empty { display: none; }
.said { color: var(--quiet); }
.body { flex: 1; min-height: 0; display: grid; grid-template-columns: minmax(0, 1fr) minmax(270px, 30%); }
.packets { overflow: auto; }
table { width: 100%; min-width: 780px; table-layout: fixed; border-spacing: 0; }
th, td { padding: 3px 6px 2px; overflow: hidden; line-height: 18px; vertical-align: baseline; text-align: left; text-overflow: ellipsis; white-space: nowrap; }
:is(th, td):first-child { padding-left: 12px; }
th { position: sticky; top: 0; border-bottom: 1px solid var(--line); background: var(--ground); color: var(--quiet); font-weight: 500; }
th:nth-child(1) { width: 104px; }
th:nth-child(2) { width: 50px; }
th:nth-child(5) { width: 136px; }
th:nth-child(6) { width: 68px; }
th:nth-child(7) { width: 72px; }
:is(th, .frame td):nth-child(n + 5):nth-child(-n + 7) { text-align: right; }
td { border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums; cursor: default; }
.frame td:is(:nth-child(1), :nth-child(n + 5)), dd, pre { font-family: ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace; font-size: 11px; }
.frame td:is(:nth-child(1), :nth-child(6), :nth-child(8)) { color: var(--quiet); }
.frame td:nth-child(3) { font-weight: 500; }
.frame[data-dir=in] td:nth-child(2) { color: var(--in); }
.frame[data-dir=out] td:nth-child(2) { color: var(--out); }
.gap td { background: var(--gap); color: var(--gap-text); font-weight: 500; }
.divider td { background: var(--rule); color: var(--quiet); }
.error td { background: var(--bad-ground); color: var(--bad); }
tr:hover td { background: var(--raised); }
tr[aria-selected=true] td { background: var(--chosen); color: var(--text); }
.details { display: flex; flex-direction: column; min-width: 0; padding: 8px 12px 12px; overflow: auto; border-left: 1px solid var(--line); background: var(--raised); }
.details button { background: var(--ground); }
.hint { margin: 0; color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 1px 12px; margin: 0; }
dt { color: var(--quiet); }
dd { margin: 0; line-height: 18px; overflow-wrap: anywhere; }
.buttons { display: flex; gap: 8px; margin: 8px 0; }
pre { flex: 1 0 auto; min-height: 48px; margin: 0; padding: 8px 10px; border: 1px solid var(--line); border-radius: 6px; background: var(--ground); white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 2; }
.unseen { position: absolute; width: 1px; height: 1px; padding: 0; border: 0; opacity: 0; }
@media (max-width: 760px) {
  .body { grid-template: minmax(0, 1fr) minmax(0, 40%) / minmax(0, 1fr); }
  .details { border-left: 0; border-top: 1px solid var(--line); }
}
`;
