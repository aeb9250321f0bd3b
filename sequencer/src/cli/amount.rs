//! Amounts of tokens as people write them: whole tokens with a decimal point, whatever the token's smallest unit is.

use std::fmt;
use std::str::FromStr;

/// An amount as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    whole: String,
    fraction: String,
}

/// Why an amount is none, or not one of this token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AmountError {
    #[error("write an amount in tokens, as in 1500 or 0.5")]
    Syntax,
    #[error("the token has {decimals} decimal places, {amount} has more")]
    TooFine { amount: Amount, decimals: u8 },
    #[error("{0} is more than can be counted")]
    TooLarge(Amount),
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
            return Err(AmountError::Syntax);
        }
        Ok(Self { whole: whole.to_owned(), fraction: fraction.trim_end_matches('0').to_owned() })
    }
}

impl Amount {
    /// The amount in the smallest unit of a token with so many decimal places.
    pub(super) fn in_units(&self, decimals: u8) -> Result<u128, AmountError> {
        let places = usize::from(decimals);
        if self.fraction.len() > places {
            return Err(AmountError::TooFine { amount: self.clone(), decimals });
        }
        let digits = format!("{}{:0<places$}", self.whole, self.fraction);
        digits.parse().map_err(|_| AmountError::TooLarge(self.clone()))
    }

    /// The amount of so many smallest units.
    pub(super) fn from_units(units: u128, decimals: u8) -> Self {
        let places = usize::from(decimals);
        let digits = format!("{units:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        Self { whole: whole.to_owned(), fraction: fraction.trim_end_matches('0').to_owned() }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)?;
        if !self.fraction.is_empty() {
            write!(f, ".{}", self.fraction)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_in_tokens() {
        for (text, decimals, units) in
            [("1500", 18, 1_500 * 10u128.pow(18)), ("0.5", 6, 500_000), ("2.50", 2, 250), ("7", 0, 7)]
        {
            let amount: Amount = text.parse().unwrap();
            assert_eq!(amount.in_units(decimals), Ok(units), "{text}");
            assert_eq!(Amount::from_units(units, decimals), amount, "{text}");
        }
        assert_eq!(Amount::from_units(0, 18).to_string(), "0");
        assert_eq!(Amount::from_units(1_250, 3).to_string(), "1.25");
    }

    #[test]
    fn what_is_no_amount_of_the_token_is_refused() {
        for text in ["", ".5", "1.", "-1", "1e3", "1,5", "0x1"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::Syntax), "{text}");
        }
        let fine: Amount = "0.001".parse().unwrap();
        assert!(matches!(fine.in_units(2), Err(AmountError::TooFine { decimals: 2, .. })));
        let large: Amount = "340282366920938463463374607431768211456".parse().unwrap();
        assert!(matches!(large.in_units(0), Err(AmountError::TooLarge(_))));
    }
}
