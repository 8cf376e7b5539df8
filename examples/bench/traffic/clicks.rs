//! Simulated clicks: Poisson counts that follow the hour and the day of the week, always the same for the same seed.

use std::f64::consts::{PI, TAU};

use linkwatch::traffic::Bin;

/// Clicks of one series.
#[derive(Debug, Clone)]
pub(crate) struct Clicks {
    state: u64,
    /// Clicks per minute on average.
    rate: f64,
}

impl Clicks {
    /// Of a seed and a mean rate in clicks per minute.
    pub(crate) fn new(seed: u64, rate: f64) -> Self {
        Self { state: seed, rate }
    }

    /// The count of the minute that begins so many seconds after 1970.
    pub(crate) fn minute(&mut self, seconds: i64) -> Bin {
        Bin::Count(self.poisson(self.rate * season(seconds)))
    }

    /// A uniform number between 0 and 1, neither of them included (`SplitMix64`).
    #[expect(clippy::cast_precision_loss, reason = "52 bits fit")]
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((bits ^ (bits >> 31)) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Knuth's product of uniform numbers; from 30 on the normal approximation.
    fn poisson(&mut self, mean: f64) -> f64 {
        if mean >= 30.0 {
            let normal = (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos();
            return mean.sqrt().mul_add(normal, mean).round().max(0.0);
        }
        let (least, mut product, mut clicks) = ((-mean).exp(), self.uniform(), 0.0);
        while product > least {
            product *= self.uniform();
            clicks += 1.0;
        }
        clicks
    }
}

/// About 1 on average: a wave over the day, half as much at the weekend.
#[expect(clippy::cast_precision_loss, reason = "seconds of our time")]
fn season(seconds: i64) -> f64 {
    let day = seconds.div_euclid(86_400);
    let hour = seconds.rem_euclid(86_400) as f64 / 3_600.0;
    let wave = 0.6_f64.mul_add(((hour - 9.0) / 12.0 * PI).sin(), 1.0);
    // 1970 began on a Thursday.
    let weekend = matches!(day.rem_euclid(7), 2 | 3);
    if weekend { wave * 0.6 } else { wave * 1.16 }
}
