//! linkwatch: probes public endpoints layer by layer and exports what is wrong, why, and since when.
