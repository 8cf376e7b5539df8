// A state timeline. Grafana does not publish its own: the names left of their bars, a bar for as long as a value stays.
import { getFieldDisplayName } from '@grafana/data';
import { measureText } from '@grafana/ui';

const [AXIS, FONT, GAP] = [22, 12, 8];

/** The stretches in which a value stays. */
function stretches(times, values, interval) {
  const found = [];
  values.forEach((value, index) => {
    const [start, end] = [times[index], times[index] + interval * 1000];
    const last = found.at(-1);
    if (last?.value === value) last.end = end;
    else found.push({ value, start, end });
  });
  return found.filter(({ value }) => value !== null);
}

/** Whole minutes, at most eight of them. */
function ticks({ from, to }) {
  const step = [60, 120, 300, 600, 900, 1800, 3600].find((step) => (to - from) / step <= 8) ?? 7200;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, tick) => first + tick * step);
}

const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 16);

/** As much of a text as there is room for. */
function cut(text, room) {
  if (measureText(text, FONT).width <= room) return text;
  let length = text.length;
  while (length > 0 && measureText(`${text.slice(0, length)}…`, FONT).width > room) length -= 1;
  return `${text.slice(0, length)}…`;
}

export function Timeline({ panel, frames, width, height, theme, view }) {
  const names = frames.map((frame) => getFieldDisplayName(frame.fields[1], frame, frames));
  const widest = Math.max(...names.map((name) => measureText(name, FONT).width));
  const gutter = Math.min(widest, width * 0.4) + GAP;
  const each = (height - AXIS) / frames.length;
  const thick = each * panel.options.rowHeight;
  const at = (milliseconds) => gutter + ((milliseconds / 1000 - view.from) / (view.to - view.from)) * (width - gutter);
  const bounded = (milliseconds) => Math.min(Math.max(at(milliseconds), gutter), width);
  const opacity = panel.fieldConfig.defaults.custom.fillOpacity / 100;
  const middle = each / 2 + FONT / 3;
  return (
    <svg width={width} height={height} fontSize={FONT} fontFamily={theme.typography.fontFamily} letterSpacing={0}>
      {ticks(view).map((time) => (
        <g key={time}>
          <line x1={at(time * 1000)} x2={at(time * 1000)} y1={0} y2={height - AXIS} stroke={theme.colors.border.weak} />
          {at(time * 1000) < width - 20 && <text x={at(time * 1000)} y={height - 6} textAnchor="middle" fill={theme.colors.text.primary}>{clock(time)}</text>}
        </g>
      ))}
      {frames.map(({ fields: [times, field] }, row) => (
        <g key={row} transform={`translate(0 ${row * each})`}>
          <text x={gutter - GAP} y={middle} textAnchor="end" fill={theme.colors.text.primary}>{cut(names[row], gutter - GAP)}</text>
          {stretches(times.values, field.values, view.interval).map(({ value, start, end }) => {
            const { color, text } = field.display(value);
            const [left, right] = [bounded(start), bounded(end)];
            const shown = cut(text, right - left - 2 * GAP);
            return (
              <g key={start}>
                <rect x={left} y={(each - thick) / 2} width={right - left} height={thick} fill={color} fillOpacity={opacity} />
                {(shown === text || shown.length > 3) && each > FONT && <text x={left + GAP} y={middle} fill={theme.colors.getContrastText(color)}>{shown}</text>}
              </g>
            );
          })}
        </g>
      ))}
    </svg>
  );
}
