// The alerts and dashboards of linkwatch for those who build theirs with jsonnet: the files that ship, as they are
// (the rules as JSON, which every jsonnet reads: `std.parseYaml` of older ones fails on them).
// `linkwatch bundle` writes them with other thresholds, jobs and URLs.
{
  grafanaDashboards+:: {
    'linkwatch-fleet.json': import '../dashboards/linkwatch-fleet.json',
    'linkwatch-endpoint.json': import '../dashboards/linkwatch-endpoint.json',
    'linkwatch-certificates.json': import '../dashboards/linkwatch-certificates.json',
    'linkwatch-dns.json': import '../dashboards/linkwatch-dns.json',
    'linkwatch-traffic.json': import '../dashboards/linkwatch-traffic.json',
    'linkwatch-own.json': import '../dashboards/linkwatch-own.json',
  },

  prometheusAlerts+:: import 'alerts.json',

  prometheusRules+:: import 'rules.json',
}
