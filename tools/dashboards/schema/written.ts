import type { Dashboard } from '@grafana/schema';

/** A type as it is written in JSON: an enum of strings is one of its strings. */
type Written<T> = T extends string ? `${T}` : T extends object ? { [Key in keyof T]: Written<T[Key]> } : T;

/** What a dashboard's file must hold. */
export type DashboardFile = Written<Dashboard>;
