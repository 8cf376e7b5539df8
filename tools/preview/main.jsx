// A dashboard of dashboards/*.json over the time that the page's address names, drawn with Grafana's own components.
import { createTheme, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import { createRoot } from 'react-dom/client';
import { prepared } from './fields.js';
import { Inside } from './panels.jsx';
import { framesOf, view } from './prometheus.js';

const [WIDTH, MARGIN, ROW, HEAD] = [1400, 8, 30, 52];

const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 16);

/** The name, what is chosen, and which time is shown: what Grafana shows above the panels. */
function Head({ board, shown, chosen, theme }) {
  const quiet = { color: theme.colors.text.secondary, fontSize: 14 };
  return (
    <div style={{ display: 'flex', alignItems: 'baseline', gap: 24, padding: '14px 16px 0', color: theme.colors.text.primary }}>
      <span style={{ fontSize: 20 }}>{board.title}</span>
      {chosen.map(([label, value]) => <span key={label} style={quiet}>{label}: {value}</span>)}
      <span style={{ ...quiet, marginLeft: 'auto' }}>{clock(shown.from)} to {clock(shown.to)} UTC</span>
    </div>
  );
}

function Board({ board, drawn, shown, chosen, theme }) {
  const column = (WIDTH - MARGIN) / 24;
  const bottom = Math.max(...drawn.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  return (
    <div id="drawn" style={{ position: 'relative', width: WIDTH, height: HEAD + bottom * (ROW + MARGIN), background: theme.colors.background.canvas }}>
      <Head {...{ board, shown, chosen, theme }} />
      {drawn.map(({ panel, frames }) => {
        const { x, y, w, h } = panel.gridPos;
        const [width, height] = [w * column - MARGIN, h * ROW + (h - 1) * MARGIN];
        const place = { position: 'absolute', left: MARGIN + x * column, top: HEAD + y * (ROW + MARGIN), width, height };
        if (panel.type === 'row') {
          return <div key={panel.id} style={{ ...place, paddingTop: 6, color: theme.colors.text.primary, fontWeight: 500 }}>{panel.title}</div>;
        }
        return (
          <div key={panel.id} style={place}>
            <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding={panel.type === 'table' ? 'none' : 'md'}>
              {(width, height) => <Inside {...{ panel, frames, width, height, theme, view: shown }} />}
            </PanelChrome>
          </div>
        );
      })}
    </div>
  );
}

async function draw() {
  const asked = new URLSearchParams(location.search);
  const theme = createTheme({ colors: { mode: asked.get('theme') ?? 'dark' } });
  const board = await (await fetch(`/dashboards/${asked.get('board')}.json`)).json();
  const of = (variable) => asked.get(variable.name) ?? variable.allValue;
  const variables = board.templating.list.filter(({ type }) => type === 'query');
  const shown = view(Number(asked.get('from')), Number(asked.get('to')), Object.fromEntries(variables.map((variable) => [variable.name, of(variable)])));
  const chosen = variables.map(({ name, label }) => [label, asked.get(name) ?? 'All']);
  // Texts are measured while panels are laid out.
  await Promise.all([400, 500].map((weight) => document.fonts.load(`${weight} 14px Inter`)));
  const drawn = await Promise.all(board.panels.map(async (panel) => {
    if (panel.type === 'row') return { panel };
    return { panel, frames: await prepared(panel, await framesOf(panel, shown), shown, theme) };
  }));
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Board {...{ board, drawn, shown, chosen, theme }} />
    </ThemeContext.Provider>,
  );
}

draw();
