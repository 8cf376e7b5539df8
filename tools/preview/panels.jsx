// What stands inside a panel. Figures, lines and tables are Grafana's; a timeline is drawn here.
import { dateTime, getFieldDisplayValues } from '@grafana/data';
import { BigValue, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { Timeline } from './timeline.jsx';

export function Inside({ panel, ...given }) {
  const Kind = { stat: Figures, table: Table, timeseries: Lines, 'state-timeline': Timeline }[panel.type];
  if (!Kind) throw new Error(`the preview cannot draw a panel of the type ${panel.type}`);
  if (panel.type !== 'stat' && given.frames.length === 0) return <Nothing {...given} panel={panel} />;
  return <Kind {...given} panel={panel} />;
}

function Nothing({ panel, width, height, theme }) {
  const text = panel.fieldConfig.defaults.noValue ?? 'No data';
  return <div style={{ width, height, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary, textAlign: 'center' }}>{text}</div>;
}

/** As Grafana's panel "Stat": a figure for each series, side by side. */
function Figures({ panel, frames, width, height, theme }) {
  const { colorMode, graphMode, justifyMode, reduceOptions, textMode } = panel.options;
  const replaceVariables = (text) => text;
  const all = getFieldDisplayValues({ data: frames, reduceOptions, replaceVariables, theme, timeZone: 'utc', fieldConfig: panel.fieldConfig });
  // Where there is nothing to name, what stands for it is text.
  const mode = frames.length === 0 ? 'value' : textMode;
  return (
    <div style={{ display: 'flex' }}>
      {all.map(({ display }, index) => (
        <BigValue key={index} value={display} theme={theme} width={width / all.length} height={height} colorMode={colorMode}
          graphMode={graphMode} justifyMode={justifyMode} textMode={mode} />
      ))}
    </div>
  );
}

function Lines({ panel, frames, width, height, view }) {
  const [from, to] = [dateTime(view.from * 1000), dateTime(view.to * 1000)];
  return (
    <TimeSeries frames={frames} width={width} height={height} timeZone="utc" legend={panel.options.legend} options={panel.options}
      timeRange={{ from, to, raw: { from, to } }} structureRev={1} />
  );
}

function Table({ panel, frames, width, height }) {
  const { cellHeight, showHeader, sortBy } = panel.options;
  return (
    <TableNG data={frames[0]} width={width} height={height} noHeader={!showHeader} cellHeight={cellHeight} sortBy={sortBy}
      getActions={() => []} fieldConfig={panel.fieldConfig} frozenColumns={0} structureRev={1} />
  );
}
