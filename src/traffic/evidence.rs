//! How improbable so few clicks are: tails of count distributions, as logarithms.
//!
//! Clicks in a window with the expected number μ follow a negative binomial distribution of size r: a Poisson count
//! whose rate is itself uncertain, so that its variance is μ + μ²/r. As r grows it becomes the Poisson distribution.

use statrs::distribution::{Discrete, DiscreteCDF, NegativeBinomial, Poisson};

/// From this size on the Poisson distribution is near enough, and numerically the better one.
const POISSON_FROM: f64 = 1e6;

/// A tail below this is summed in logarithms, because the distribution functions lose their digits there.
const SMALLEST: f64 = 1e-100;

/// The evidence for a drop: −ln P(X ≤ observed), in nats; 0 where as few are certain.
///
/// `expected` is μ, `size` is r, both positive; an expected count of 0 is evidence of nothing.
#[must_use]
pub fn of_so_few(observed: f64, expected: f64, size: f64) -> f64 {
    if !(expected > 0.0 && size > 0.0 && observed >= 0.0) || observed >= expected {
        return 0.0;
    }
    if observed < 1.0 {
        return of_silence(expected, size);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and the expected count"
    )]
    let seen = observed as u64;
    let tail = if size >= POISSON_FROM {
        Poisson::new(expected).map_or(0.0, |law| tail(&law, seen, |k| k / expected))
    } else {
        let stop = size / (size + expected);
        NegativeBinomial::new(size, stop).map_or(0.0, |law| {
            tail(&law, seen, |k| k / ((size + k - 1.0) * (1.0 - stop)))
        })
    };
    -tail
}

/// The evidence of no click at all: −ln P(X = 0), in nats.
#[must_use]
pub fn of_silence(expected: f64, size: f64) -> f64 {
    if size >= POISSON_FROM {
        expected
    } else {
        size * (expected / size).ln_1p()
    }
}

/// How many clicks must be expected until silence is evidence of so many nats.
#[must_use]
pub fn expected_for(evidence: f64, size: f64) -> f64 {
    if size >= POISSON_FROM {
        evidence
    } else {
        size * (evidence / size).exp_m1()
    }
}

/// ln P(X ≤ seen). `ratio(k)` is P(X = k − 1) / P(X = k), below 1 left of the mode.
fn tail<D>(law: &D, seen: u64, ratio: impl Fn(f64) -> f64) -> f64
where
    D: Discrete<u64, f64> + DiscreteCDF<u64, f64>,
{
    let direct = law.cdf(seen);
    if direct > SMALLEST {
        return direct.ln();
    }
    let (mut term, mut sum) = (1.0_f64, 1.0_f64);
    for k in (1..=seen).rev() {
        #[expect(clippy::cast_precision_loss, reason = "counts of clicks are far below 2^53")]
        let at = k as f64;
        term *= ratio(at);
        sum += term;
        if term < sum * 1e-12 {
            break;
        }
    }
    law.ln_pmf(seen) + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_as_improbable_as_the_distribution_says() {
        assert!((of_so_few(0.0, 12.0, 1e9) - 12.0).abs() < 1e-9);
        assert!((of_so_few(0.0, 12.0, 4.0) - 4.0 * 4.0_f64.ln()).abs() < 1e-9);
        let needed = expected_for(10.0, 4.0);
        assert!((of_silence(needed, 4.0) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_far_tail_goes_on_where_the_distribution_function_is_zero() {
        // P(X <= 10) of a Poisson count with mean 1000: its last term dominates.
        let evidence = of_so_few(10.0, 1_000.0, 1e9);
        let last = 1_000.0 - 10.0 * 1_000.0_f64.ln() + (1..=10).map(|k| f64::from(k).ln()).sum::<f64>();
        assert!((evidence - last).abs() < 0.02, "{evidence} {last}");
        let near = of_so_few(300.0, 1_000.0, 50.0);
        assert!(near > 10.0 && near < 60.0, "{near}");
    }

    #[test]
    fn more_clicks_are_less_evidence() {
        for size in [2.0, 20.0, 300.0, 1e9] {
            let row: Vec<f64> = (0..50).map(|x| of_so_few(f64::from(x), 100.0, size)).collect();
            assert!(row.windows(2).all(|pair| pair[0] >= pair[1]), "{size}: {row:?}");
        }
    }

    #[test]
    fn nothing_expected_is_evidence_of_nothing() {
        for expected in [0.0, -1.0, f64::NAN] {
            assert!(of_so_few(0.0, expected, 10.0).abs() < f64::EPSILON);
        }
    }
}
