import { Html } from './html.ts';

/** The page follows the reader's light or dark setting, and prints. */
export const STYLE = new Html(`
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#15181d;--soft:#656d7a;--line:#e3e6eb;--fill:#eceff3;
--accent:#2f6fed;--good:#1a9c6b;--bad:#d4493f;--warm:#e0912b;--violet:#8257d8;--teal:#1793a8}
@media(prefers-color-scheme:dark){:root{--page:#0f1216;--card:#171b21;--ink:#e8ebf0;--soft:#98a2b1;--line:#2a3039;
--fill:#232932;--accent:#6d9dff;--good:#41c592;--bad:#ff7c70;--warm:#f0ae55;--violet:#ab8bf2;--teal:#4fc0d3}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Inter,Roboto,
"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:30px;line-height:1.2;margin:0 0 4px;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 2px;letter-spacing:-.01em}
h3{font-size:13px;margin:20px 0 6px;color:var(--soft);font-weight:600}
p{margin:0 0 14px;color:var(--soft);max-width:74ch}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:22px 24px;margin-top:18px}
.facts{margin:0}
.hero{display:flex;flex-wrap:wrap;gap:12px 44px;align-items:flex-end}
h2+.hero{margin-top:14px}
.hero b{display:block;font-size:64px;line-height:1;letter-spacing:-.04em;font-weight:650}
.hero small{color:var(--soft);font-size:14px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(84px,1fr));gap:10px;flex:1 1 420px}
.tile{background:var(--fill);border-radius:10px;padding:9px 12px}
.tile b{display:block;font-size:20px;line-height:1.25;font-weight:600;letter-spacing:-.01em}
.tile span{color:var(--soft);font-size:12px}
.two{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:12px 32px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:right;color:var(--soft);font-weight:500;font-size:12px;padding:4px 8px;border-bottom:1px solid var(--line);
white-space:nowrap}
td{text-align:right;padding:4px 8px;border-bottom:1px solid var(--line);white-space:nowrap}
tr:last-child td{border-bottom:0}
th:first-child,td:first-child{text-align:left;padding-left:0}
td:first-child{max-width:260px;overflow:hidden;text-overflow:ellipsis}
td.text{text-align:left;white-space:normal}
.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
svg{display:block;max-width:100%;height:auto;font-size:11px}
svg text{fill:var(--soft)}
svg .ink{fill:var(--ink)}
.grid{stroke:var(--line);stroke-width:1}
.curve{fill:none;stroke:var(--accent);stroke-width:1;opacity:.32;vector-effect:non-scaling-stroke}
.main{fill:none;stroke:var(--ink);stroke-width:2.4;stroke-linejoin:round}
.bar{fill:var(--accent)}.track{fill:var(--fill)}.whisker{stroke:var(--ink);stroke-width:1.4;opacity:.75}
td svg{display:inline-block;vertical-align:middle;max-width:none}
td:has(svg){width:1px}
.warn{border-left:3px solid var(--warm);padding:2px 12px;margin:14px 0 0}
footer{color:var(--soft);font-size:13px;margin-top:24px}
@media(max-width:760px){.two{grid-template-columns:1fr}main{padding:24px 14px}section{padding:18px 16px}}
@media print{body{background:none}section{break-inside:avoid}}
`);
