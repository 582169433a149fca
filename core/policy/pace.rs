//! How fast a provider may be asked, as a whole and for each of its models.

use wildmatch::WildMatch;

/// What a provider's requests keep to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    /// The most requests in flight, at least one.
    pub concurrency: u32,
    /// The most requests started per minute; no limit where nothing is given.
    pub rate_per_minute: Option<f64>,
    /// The same of single models, by pattern over their ids; the first that fits counts.
    pub by_model: Vec<(String, ModelPace)>,
}

/// What the requests for one model keep to, besides what all of the provider's do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModelPace {
    /// The most requests in flight.
    pub concurrency: Option<u32>,
    /// The most requests started per minute.
    pub rate_per_minute: Option<f64>,
}

impl Pace {
    /// What one model keeps to; never more at once than the provider.
    #[must_use]
    pub fn of(&self, model: &str) -> ModelPace {
        let rule = self.by_model.iter().find(|(like, _)| WildMatch::new(like).matches(model));
        let own = rule.map(|(_, own)| *own).unwrap_or_default();
        ModelPace { concurrency: own.concurrency.map(|most| most.min(self.concurrency)), ..own }
    }

    /// The most requests for one model in flight, and per minute, whichever limit is the tighter.
    #[must_use]
    pub fn tightest(&self, model: &str) -> (u32, Option<f64>) {
        let own = self.of(model);
        let rate = match (own.rate_per_minute, self.rate_per_minute) {
            (Some(own), Some(all)) => Some(own.min(all)),
            (one, other) => one.or(other),
        };
        (own.concurrency.unwrap_or(self.concurrency), rate)
    }
}
