//! What an answer of a provider costs: what the policy says, else what the answer says, else what is listed.

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::types::Price;
use crate::units::{Cost, CostBasis, Usd};

/// What the price list says that one image of a model costs with these parameters, at most.
pub type ListPrice = fn(&str, &Map<String, Value>) -> Option<Cost>;

/// How the answers of one provider are paid for.
#[derive(Clone, Debug)]
pub struct Pricing {
    /// The policy's own price of one image.
    pub price: Option<Price>,
    /// What an hour of the machine costs, where the provider is a machine of the team's own.
    pub gpu_hour: Option<Usd>,
    /// The longest that one attempt takes.
    pub timeout: Duration,
    /// Whether the policy itself says where an answer tells its cost: that counts over `price` then, which is
    /// what is reserved.
    pub answer_first: bool,
    /// The list, where the kind has one.
    pub list: Option<ListPrice>,
}

impl Pricing {
    /// The most that one attempt at an image can cost, to be reserved beforehand; nothing where nobody knows.
    #[must_use]
    pub fn most(&self, model: &str, params: &Map<String, Value>) -> Option<Cost> {
        if let Some(hour) = self.gpu_hour {
            return Some(Cost { amount: of_time(hour, self.timeout), basis: CostBasis::Estimated });
        }
        match self.price.as_ref().and_then(|price| price.of(model)) {
            Some(amount) => Some(Cost::exact(amount)),
            None => self.listed(model, params),
        }
    }

    /// What an attempt that is charged did cost: `said` by its replies, after it `took` so long.
    #[must_use]
    pub fn charged(
        &self,
        model: &str,
        params: &Map<String, Value>,
        said: Option<Cost>,
        took: Duration,
    ) -> Option<Cost> {
        if let Some(hour) = self.gpu_hour {
            // Closing an attempt down takes a moment more, which nobody pays for.
            let took = took.min(self.timeout);
            return Some(Cost { amount: of_time(hour, took), basis: CostBasis::Computed });
        }
        let own = self.price.as_ref().and_then(|price| price.of(model)).map(Cost::exact);
        if self.answer_first { said.or(own) } else { own.or(said) }
            .or_else(|| self.listed(model, params))
    }

    fn listed(&self, model: &str, params: &Map<String, Value>) -> Option<Cost> {
        self.list.and_then(|list| list(model, params))
    }
}

/// The price of some time of a machine, rounded up to a millionth of a dollar.
#[must_use]
pub fn of_time(hour: Usd, time: Duration) -> Usd {
    let millis = Decimal::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let amount = hour.as_decimal().saturating_mul(millis) / Decimal::from(3_600_000);
    Usd::from_decimal(
        amount.round_dp_with_strategy(6, rust_decimal::RoundingStrategy::AwayFromZero),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn listed(model: &str, _: &Map<String, Value>) -> Option<Cost> {
        (model == "known").then(|| Cost { amount: usd("$0.10"), basis: CostBasis::Estimated })
    }

    fn pricing(price: Option<&str>) -> Pricing {
        Pricing {
            price: price.map(|price| Price::ByModel(vec![("own*".to_owned(), usd(price))])),
            gpu_hour: None,
            timeout: Duration::from_secs(60),
            answer_first: false,
            list: Some(listed),
        }
    }

    fn charged(pricing: &Pricing, model: &str, said: Option<&str>) -> Option<Cost> {
        let said = said.map(|said| Cost { amount: usd(said), basis: CostBasis::Computed });
        pricing.charged(model, &Map::new(), said, Duration::from_secs(9))
    }

    #[test]
    fn the_policy_s_price_counts_over_all() {
        let policy = pricing(Some("$0.03"));
        assert_eq!(policy.most("own-1", &Map::new()), Some(Cost::exact(usd("$0.03"))));
        assert_eq!(charged(&policy, "own-1", Some("$0.20")), Some(Cost::exact(usd("$0.03"))));
        let said = charged(&policy, "known", Some("$0.20")).unwrap();
        assert_eq!((said.amount, said.basis), (usd("$0.20"), CostBasis::Computed));
        let listed = charged(&policy, "known", None).unwrap();
        assert_eq!((listed.amount, listed.basis), (usd("$0.10"), CostBasis::Estimated));
        assert_eq!(charged(&policy, "other", None), None);
        assert_eq!(policy.most("other", &Map::new()), None);
        let answer_first = Pricing { answer_first: true, ..policy };
        assert_eq!(charged(&answer_first, "own-1", Some("$0.20")).unwrap().amount, usd("$0.20"));
    }

    #[test]
    fn a_machine_of_one_s_own_costs_its_time() {
        let own = Pricing { gpu_hour: Some(usd("$3.60")), ..pricing(None) };
        assert_eq!(own.most("any", &Map::new()).unwrap().amount, usd("$0.06"));
        let nine_seconds = charged(&own, "any", None).unwrap();
        assert_eq!((nine_seconds.amount, nine_seconds.basis), (usd("$0.009"), CostBasis::Computed));
    }
}
