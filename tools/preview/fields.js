// Transformations and field configuration, applied by Grafana's own code.
import {
  applyFieldOverrides, cacheFieldDisplayNames, FieldConfigOptionsRegistry, identityOverrideProcessor, standardTransformers, standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import { filled } from './prometheus.js';

const { mergeTransformer, organizeFieldsTransformer } = standardTransformers;
standardTransformersRegistry.setInit(() =>
  [mergeTransformer, organizeFieldsTransformer].map((transformation) => ({ ...transformation, transformation: async () => transformation })),
);

/** Grafana keeps the list of what can be configured in its application; these are the parts that our dashboards use. */
const OWN = ['unit', 'decimals', 'min', 'max', 'color', 'thresholds', 'mappings', 'noValue', 'displayName', 'links', 'filterable'];

/** The same of a kind of panel: everything that stands below `custom`. */
function options({ defaults, overrides }) {
  const set = overrides.flatMap(({ properties }) => properties.map(({ id }) => id)).filter((id) => id.startsWith('custom.'));
  const custom = new Set([...Object.keys(defaults.custom).map((name) => `custom.${name}`), ...set]);
  const item = (id, path, isCustom) => ({ id, path, isCustom, name: id, process: identityOverrideProcessor, shouldApply: () => true });
  return new FieldConfigOptionsRegistry(() => [
    ...OWN.map((id) => item(id, id, false)),
    ...[...custom].map((id) => item(id, id.replace('custom.', ''), true)),
  ]);
}

/** The lowest step of thresholds has no bound: JSON says null, and Grafana makes it a number when it loads a dashboard. */
export function unbound({ defaults, overrides }) {
  const set = overrides.flatMap(({ properties }) => properties).filter(({ id }) => id === 'thresholds').map(({ value }) => value);
  for (const { steps } of [defaults.thresholds, ...set]) steps[0].value = -Infinity;
}

/** The frames as a panel gets them. */
export async function prepared(panel, frames, view, theme) {
  const replaceVariables = (text) => filled(text, view);
  const context = { interpolate: replaceVariables };
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations ?? [], frames, context));
  const fieldConfig = structuredClone(panel.fieldConfig);
  unbound(fieldConfig);
  const configured = applyFieldOverrides({
    data: transformed, fieldConfig, fieldConfigRegistry: options(fieldConfig), replaceVariables, theme, timeZone: 'utc',
  });
  cacheFieldDisplayNames(configured);
  return configured;
}
