//! Finds the transaction that a client refuses in a list, by having shorter ones built.
//!
//! A client stops at the first transaction that it refuses, so a list is taken up to there, and refused from there on.
//! No such transaction is known: the rules skip what the EVM does not take. This is here so that none stops the rollup.

use super::error::ChainError;
use crate::derive::Plan;
use crate::engine::{Client, ClientError, RpcError};

/// The place of the first transaction that a client refuses, of a list that it has refused. `None` where it is not a matter
/// of the transactions.
///
/// # Errors
/// The client is away.
pub(super) async fn refused_place(client: &Client, plan: &Plan) -> Result<Option<usize>, ChainError> {
    let mut search = Search::new(plan.transactions.len());
    loop {
        let count = match search.next() {
            Next::Build(count) => count,
            Next::Found(place) => return Ok(Some(place)),
            Next::NotTheList => return Ok(None),
        };
        match client.build(&plan.attributes, &plan.transactions[..count]).await {
            Ok(_) => search.answer(count, true),
            Err(ClientError { source: RpcError::Refused { .. }, .. }) => search.answer(count, false),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Have a list of the first so many built.
    Build(usize),
    /// This one is refused.
    Found(usize),
    /// Not even an empty list is taken, or the whole is after all.
    NotTheList,
}

/// The search so far.
#[derive(Clone, Debug)]
struct Search {
    /// The longest list that is known to be taken.
    taken: Option<usize>,
    /// The shortest that is known to be refused.
    refused: usize,
    /// What was refused once may be refused by chance: it is asked for again at the end.
    is_sure: bool,
    given_up: bool,
}

impl Search {
    fn new(all: usize) -> Self {
        Self { taken: None, refused: all, is_sure: false, given_up: all == 0 }
    }

    fn next(&self) -> Next {
        match self.taken {
            _ if self.given_up => Next::NotTheList,
            None => Next::Build(0),
            Some(taken) if taken + 1 < self.refused => Next::Build(taken.midpoint(self.refused)),
            Some(_) if !self.is_sure => Next::Build(self.refused),
            Some(taken) => Next::Found(taken),
        }
    }

    fn answer(&mut self, count: usize, is_taken: bool) {
        match (count, is_taken) {
            (0, false) => self.given_up = true,
            (count, true) if count == self.refused => self.given_up = true,
            (count, false) if count == self.refused => self.is_sure = true,
            (count, true) => self.taken = Some(count),
            (count, false) => self.refused = count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, and after how many lists.
    fn search(all: usize, is_taken: impl Fn(usize) -> bool) -> (Next, usize) {
        let (mut search, mut asked) = (Search::new(all), 0);
        loop {
            match search.next() {
                Next::Build(count) => search.answer(count, is_taken(count)),
                end => return (end, asked),
            }
            asked += 1;
        }
    }

    #[test]
    fn each_place_is_found_in_few_steps() {
        for all in [1, 2, 3, 64, 200] {
            for place in 0..all {
                let (found, asked) = search(all, |count| count <= place);
                assert_eq!(found, Next::Found(place), "of {all}");
                assert!(asked <= 10, "{asked} lists for {all} transactions");
            }
        }
    }

    #[test]
    fn what_is_not_a_matter_of_the_transactions_is_blamed_on_none() {
        assert_eq!(search(5, |_| false).0, Next::NotTheList, "not even an empty block");
        assert_eq!(search(5, |_| true).0, Next::NotTheList, "taken after all");
        assert_eq!(search(0, |_| true).0, Next::NotTheList);
    }
}
