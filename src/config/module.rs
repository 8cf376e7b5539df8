//! Modules: how to ask, in blackbox_exporter's own words.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::at::At;
use super::error::{Findings, Place, Problem, did_you_mean, shown};
use super::files::Files;
use super::raw;
use super::raw::module::IpProtocol;
use super::reader;
use super::resolve::{self, Resolving};
use super::{
    defaults, dns_module, grpc_module, http_module, icmp_module, show, tcp_module, unix_module,
    websocket_module,
};
use crate::endpoint::{ModuleName, ProberName};
use crate::outcome::Family;
use crate::probe::{Addressing, Module, Modules, ProberKind};

/// The modules of all files.
#[derive(Default)]
pub(super) struct Collected {
    modules: Modules,
    shown: BTreeMap<ModuleName, Value>,
    /// Where each declared module stands, the broken ones too.
    declared: BTreeMap<String, String>,
}

/// What the module files have to object to.
#[derive(Default)]
pub(super) struct Elsewhere {
    pub(super) faults: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Collected {
    /// Begins with the modules that are there without being declared; a file of `blackbox_exporter` knows of none.
    pub(super) fn beginning(as_blackbox: bool, files: &mut Files) -> Self {
        let mut modules = Self::default();
        if !as_blackbox {
            modules.built_in(files);
        }
        modules
    }

    /// Adds the modules that are there without being declared.
    fn built_in(&mut self, files: &mut Files) {
        let findings = Findings::new(Path::new("built-in modules"));
        if let Ok(tree) = super::tree::parse(defaults::MODULES) {
            let file: raw::ModuleFile = reader::read(&tree, &findings);
            let mut at = Resolving {
                findings: &findings,
                files,
            };
            self.declared(file.modules.unwrap_or_default(), &mut at);
        }
        // A declaration of the user takes their place.
        self.declared.clear();
    }

    /// Adds the modules of one file.
    pub(super) fn declared(&mut self, raw: BTreeMap<String, At<raw::Module>>, at: &mut Resolving<'_>) {
        for (name, raw) in raw {
            if let Some(first) = self.declared.get(&name) {
                let what = format!("the module {} is also declared at {first}", shown(&name));
                at.findings
                    .fault_with_hint(raw.place, what, "names of modules are unique over all files");
                continue;
            }
            self.declared.insert(name.clone(), at.findings.spot(raw.place));
            if let Some(module) = module(&raw, at) {
                let name = ModuleName::from(name.as_str());
                self.shown
                    .insert(name.clone(), show::module(&raw.value, module.prober.name()));
                self.modules.insert(name, Arc::new(module));
            }
        }
    }

    /// Adds the modules of the named files of blackbox_exporter; relative paths in them start beside them.
    pub(super) fn named(&mut self, names: Vec<At<String>>, at: &mut Resolving<'_>) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        for name in names {
            let Some(text) = at.read_file(Some(&name)) else {
                continue;
            };
            let findings = Findings::new(Path::new(&name.value));
            let path = at.files.locate(&name.value);
            let base = at.files.move_beside(&path);
            if let Some(tree) = resolve::parse(&text, &findings) {
                let file: raw::ModuleFile = reader::read(&tree, &findings);
                let mut inside = Resolving {
                    findings: &findings,
                    files: at.files,
                };
                self.declared(file.modules.unwrap_or_default(), &mut inside);
            }
            at.files.move_back(base);
            let (faults, warnings) = findings.finish();
            elsewhere.faults.extend(faults);
            elsewhere.warnings.extend(warnings);
        }
        elsewhere
    }

    /// Whether there is a module of that name, a broken one too.
    pub(super) fn is_declared(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// What a module speaks; of a broken one, HTTP.
    pub(super) fn prober(&self, name: &ModuleName) -> ProberName {
        let module = self.modules.get(name);
        module.map_or(ProberName::Http, |module| module.prober.name())
    }

    /// The names of all modules, the broken ones too.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let broken = self.declared.keys().map(String::as_str);
        let broken = broken.filter(|name| !self.modules.contains_key(&ModuleName::from(*name)));
        self.modules.keys().map(ModuleName::as_str).chain(broken)
    }

    pub(super) fn finish(self) -> (Modules, BTreeMap<ModuleName, Value>) {
        (self.modules, self.shown)
    }
}

fn module(At { place, value: raw }: &At<raw::Module>, at: &mut Resolving<'_>) -> Option<Module> {
    let Some(prober) = &raw.prober else {
        at.findings
            .missing(*place, "prober", "say what the module speaks, as in prober: http");
        return None;
    };
    let speaks = ProberName::ALL
        .into_iter()
        .find(|known| known.as_str() == prober.value);
    let Some(speaks) = speaks else {
        unknown(prober, at);
        return None;
    };
    for (name, place) in sections(raw) {
        if name != speaks.as_str() {
            let hint = "only the settings of the module's own prober count";
            at.findings.warn(place, "these settings are not used", hint);
        }
    }
    let prober = match speaks {
        ProberName::Http => {
            let http = section(raw.http.as_ref(), *place, at, http_module::resolve)?;
            ProberKind::Http(Box::new(http))
        }
        ProberName::Tcp => {
            let tcp = section(raw.tcp.as_ref(), *place, at, tcp_module::resolve)?;
            ProberKind::Tcp(Box::new(tcp))
        }
        ProberName::Unix => {
            let unix = section(raw.unix.as_ref(), *place, at, unix_module::resolve)?;
            ProberKind::Unix(Box::new(unix))
        }
        ProberName::Dns => {
            let dns = section(raw.dns.as_ref(), *place, at, dns_module::resolve)?;
            ProberKind::Dns(Box::new(dns))
        }
        ProberName::Grpc => {
            let grpc = section(raw.grpc.as_ref(), *place, at, grpc_module::resolve)?;
            ProberKind::Grpc(Box::new(grpc))
        }
        ProberName::WebSocket => {
            let websocket = section(raw.websocket.as_ref(), *place, at, websocket_module::resolve)?;
            ProberKind::WebSocket(Box::new(websocket))
        }
        ProberName::Icmp => {
            let icmp = section(raw.icmp.as_ref(), *place, at, icmp_module::resolve)?;
            ProberKind::Icmp(Box::new(icmp))
        }
    };
    Some(Module {
        timeout: raw
            .timeout
            .map(|timeout| timeout.value.0)
            .filter(|timeout| !timeout.is_zero()),
        prober,
    })
}

fn unknown(prober: &At<String>, at: &Resolving<'_>) {
    let name = prober.value.as_str();
    let known = ProberName::ALL.map(ProberName::as_str);
    let hint = did_you_mean(name, known).unwrap_or_else(|| "as in prober: http".to_owned());
    at.findings
        .fault_with_hint(prober.place, format!("there is no prober {}", shown(name)), hint);
}

/// The sections that are given, by name.
fn sections(raw: &raw::Module) -> impl Iterator<Item = (&'static str, Place)> {
    [
        ("http", raw.http.as_ref().map(|at| at.place)),
        ("tcp", raw.tcp.as_ref().map(|at| at.place)),
        ("icmp", raw.icmp.as_ref().map(|at| at.place)),
        ("dns", raw.dns.as_ref().map(|at| at.place)),
        ("grpc", raw.grpc.as_ref().map(|at| at.place)),
        ("unix", raw.unix.as_ref().map(|at| at.place)),
        ("websocket", raw.websocket.as_ref().map(|at| at.place)),
    ]
    .into_iter()
    .filter_map(|(name, place)| Some((name, place?)))
}

/// Resolves a prober's own section; one that is left out has every default, and stands where the module does.
fn section<T: Default, S>(
    raw: Option<&At<T>>,
    module: Place,
    at: &mut Resolving<'_>,
    resolve: impl Fn(Place, &T, &mut Resolving<'_>) -> Option<S>,
) -> Option<S> {
    match raw {
        Some(section) => resolve(section.place, &section.value, at),
        None => resolve(module, &T::default(), at),
    }
}

/// The two keys that every prober with addresses has.
pub(super) fn addressing(preferred: Option<IpProtocol>, fallback: Option<bool>) -> Addressing {
    Addressing {
        preferred: match preferred {
            Some(IpProtocol::Ip4) => Family::Ipv4,
            Some(IpProtocol::Ip6) | None => Family::Ipv6,
        },
        fallback: fallback.unwrap_or(true),
    }
}

/// An address of this machine to send from.
pub(super) fn source_address(raw: Option<&At<String>>, findings: &Findings) -> Option<IpAddr> {
    let raw = raw.filter(|raw| !raw.value.is_empty())?;
    let address = raw.value.parse();
    if address.is_err() {
        let what = format!("{} is not an address", shown(&raw.value));
        findings.fault_with_hint(
            raw.place,
            what,
            "an address of this machine, as in 192.0.2.1 or 2001:db8::1",
        );
    }
    address.ok()
}
