// Asks Prometheus what a panel asks, as Grafana's data source would, and gives Grafana's data frames.
import { FieldType } from '@grafana/data';

/** Seconds between scrapes: `timeInterval` of dashboards/provisioning/datasources.yml. */
const SCRAPE = 10;

/** Points that Grafana asks for in a panel of a usual width. */
const POINTS = 700;

/** The time that is looked at, and what the variables stand for. */
export function view(from, to, variables) {
  const interval = Math.ceil(Math.max((to - from) / POINTS, SCRAPE));
  const builtin = { __interval: `${interval}s`, __rate_interval: `${Math.max(interval + SCRAPE, 4 * SCRAPE)}s`, __range: `${to - from}s` };
  return { from, to, interval, variables: { ...variables, ...builtin } };
}

/** A text with its variables filled in; what is not known stays, for Grafana's own links. */
export function filled(text, { variables }) {
  return text.replace(/\$\{?(\w+)\}?/g, (whole, name) => variables[name] ?? whole);
}

async function result(path, parameters) {
  const response = await fetch(`/prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await response.json();
  if (body.status !== 'success') throw new Error(`${body.errorType}: ${body.error}: ${parameters.query}`);
  return body.data.result;
}

const legend = (format, labels) => format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '').trim();

const number = (text) => ({ '+Inf': Infinity, '-Inf': -Infinity })[text] ?? Number(text);

/** A frame for a series; the name is the legend, as Grafana names it. */
function frame({ refId, legendFormat }, labels, times, values) {
  const config = { displayNameFromDS: legend(legendFormat, labels) };
  return {
    refId,
    length: times.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: times.map((time) => time * 1000) },
      { name: 'Value', type: FieldType.number, labels, config, values },
    ],
  };
}

/** With a gap where nothing was measured. */
async function overTime(target, view) {
  const { from, to, interval } = view;
  // Grafana aligns the range to its steps, so that a picture does not tremble when it is refreshed.
  const [start, end] = [from, to].map((time) => Math.floor(time / interval) * interval);
  const series = await result('query_range', { query: filled(target.expr, view), start, end, step: interval });
  const times = Array.from({ length: (end - start) / interval + 1 }, (_, step) => start + step * interval);
  return series.map(({ metric, values }) => {
    const measured = new Map(values.map(([time, value]) => [time, number(value)]));
    return frame(target, metric, times, times.map((time) => measured.get(time) ?? null));
  });
}

/** `Value` alone, `Value #A` and so on beside others. */
async function atOnce(target, view, alone) {
  const series = await result('query', { query: filled(target.expr, view), time: view.to });
  if (target.format !== 'table') return series.map(({ metric, value: [time, value] }) => frame(target, metric, [time], [number(value)]));
  const names = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const column = (name, type, of) => ({ name, type, config: {}, values: series.map(of) });
  const fields = [
    column('Time', FieldType.time, ({ value: [time] }) => time * 1000),
    ...names.map((name) => column(name, FieldType.string, ({ metric }) => metric[name] ?? '')),
    column(alone ? 'Value' : `Value #${target.refId}`, FieldType.number, ({ value: [, value] }) => number(value)),
  ];
  return series.length === 0 ? [] : [{ refId: target.refId, length: series.length, fields }];
}

export async function framesOf(panel, view) {
  const all = await Promise.all(panel.targets.map((target) => (target.instant ? atOnce : overTime)(target, view, panel.targets.length === 1)));
  return all.flat();
}
