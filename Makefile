# Everything a developer or a build machine does. `make test` is all that CI runs.

.PHONY: demo test real schema pages preview bench e2e fuzz lint docs

# The incident of May 8th, live, clicks included: lab and program in one process, /metrics on http://127.0.0.1:9716/.
demo:
	cargo build --bin linkwatch --example incident
	cargo run --example incident -- --live

# Formatting, lints, documentation, and every test, the real peers' included.
test: real lint schema
	cargo test
	cargo test --doc
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --lib

# The dashboards, held against the type that Grafana publishes; the operator's resources, against its own schemas.
schema:
	scripts/dashboard-schema.sh
	scripts/operator-schema.sh

# The pages of a running linkwatch (`make demo`), looked at in Chromium and judged by axe-core. A tool of ours.
pages:
	scripts/pages.sh

# The dashboards, drawn with Grafana's own components over a recorded incident, into docs/pictures. A tool of ours; the first
# time it records the incident at the shipped intervals, which takes about twenty minutes.
preview: real
	scripts/preview.sh

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

# The real Prometheus, Alertmanager, blackbox_exporter, VictoriaMetrics, Pebble and DNS servers, below target/real.
real:
	scripts/real-peers.sh

# Judging traffic, the status page, cost beside blackbox_exporter and a bare handshake loop, /probe under load beside
# blackbox_exporter, 5,000 endpoints for ten minutes, and last every prober, of which http costs more by /probe than it may.
bench: real
	cargo run --release --example bench -- traffic
	cargo run --release --example bench -- page
	cargo run --release --example bench -- cost
	cargo run --release --example bench -- load
	cargo run --release --example bench -- fleet
	cargo run --release --example bench -- probers

# Fault to notification through the real Prometheus and Alertmanager at the shipped intervals (about seven minutes), then
# clicks that stop and a source of clicks that stops (about half an hour).
e2e: real
	cargo run --release --example e2e
	cargo run --release --example e2e -- traffic

# Each fuzz target for a minute.
fuzz:
	scripts/fuzz.sh
