import type { AnnotationQuery, Dashboard } from '@grafana/schema';

/** A type as it is written in JSON: an enum of strings is one of its strings. */
type Written<T> = T extends string ? `${T}` : T extends object ? { [Key in keyof T]: Written<T[Key]> } : T;

/** What the Prometheus data source reads of an annotation: Grafana's type leaves an annotation's query to its source. */
type OfPrometheus = { expr: string; titleFormat: string; textFormat: string; step: string; useValueForTime: boolean };

/** What a dashboard's file must hold. */
export type DashboardFile = Written<Omit<Dashboard, 'annotations'>> & {
  annotations: { list: Array<Written<AnnotationQuery> & OfPrometheus> };
};
