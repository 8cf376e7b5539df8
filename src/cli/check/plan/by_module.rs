//! Targets that are asked by a module of a configuration, whether it watches them or not.

use std::path::Path;
use std::sync::Arc;

use super::{Target, asked, named};
use crate::config::{self, Config};
use crate::discovery::Discovered;
use crate::endpoint::{AddressChoice, Expectation, Group, GroupName, Labels, ModuleName};

/// The targets as the module takes them: hosts, hosts with ports, paths, or URLs.
pub(super) fn targets(
    config: &Config,
    file: &Path,
    module: &str,
    targets: &[String],
) -> Result<Vec<Target>, String> {
    let name = ModuleName::from(module);
    let Some(asking) = config.modules.get(&name) else {
        let known = config.modules.keys().map(ModuleName::as_str);
        return Err(named::unknown("module", module, file, known));
    };
    let group = Arc::new(Group {
        name: GroupName::from(module),
        module: name,
        interval: config.global.interval,
        timeout: config.global.timeout,
        confirm: config.global.confirm,
        addresses: AddressChoice::All,
        page: false,
        maintenance: Vec::new(),
        accepted: Vec::new(),
        expect: Expectation::default(),
    });
    let template = config::usual_template(asking.prober.name(), asked::naming(targets));
    let made = targets.iter().map(|target| {
        let discovered = Discovered {
            target: target.clone(),
            labels: Labels::default(),
        };
        let endpoint = template
            .endpoint(&group, &Labels::default(), &discovered)
            .map_err(|reason| {
                format!("the target {target:?} cannot be asked by module {module}: {reason}")
            })?;
        Ok((Arc::new(endpoint), Arc::clone(asking)))
    });
    made.collect()
}
