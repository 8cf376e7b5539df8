// The alerts and dashboards of linkwatch for those who build theirs with jsonnet: the files that ship, as they are.
// `linkwatch bundle` writes them with other thresholds, jobs and URLs.
{
  _config+:: {
    // Selects dashboards and rules by this tag in tools that collect mixins.
    dashboardTags: ['linkwatch'],
  },

  grafanaDashboards+:: {
    'linkwatch-fleet.json': import '../dashboards/linkwatch-fleet.json',
    'linkwatch-endpoint.json': import '../dashboards/linkwatch-endpoint.json',
    'linkwatch-certificates.json': import '../dashboards/linkwatch-certificates.json',
    'linkwatch-dns.json': import '../dashboards/linkwatch-dns.json',
    'linkwatch-traffic.json': import '../dashboards/linkwatch-traffic.json',
    'linkwatch-own.json': import '../dashboards/linkwatch-own.json',
  },

  prometheusAlerts+:: std.parseYaml(importstr '../alerts/rules/linkwatch.yml'),

  prometheusRules+:: std.parseYaml(importstr '../alerts/rules/linkwatch-availability.yml'),
}
