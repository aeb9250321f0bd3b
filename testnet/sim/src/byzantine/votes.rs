//! Votes that contradict each other.

use crate::node::Node;
use crate::node::shell::Sent;
use crate::wire::Message;
use arc_malachitebft_core_types::{NilOrVal, SignedVote};
use fairlane_agreement::{FairlaneContext, Vote};
use fairlane_types::BlockId;
use rand::Rng as _;

impl Node {
    /// What leaves this validator. A villain's votes may be contradicted on the way out.
    pub(crate) fn take_sent(&mut self) -> Vec<Sent> {
        let sent = self.shell.take_sent();
        let Some(mut villain) = self.villain.take() else { return sent };
        let mut out = Vec::with_capacity(sent.len());
        let blocks: Vec<BlockId> = sent
            .iter()
            .filter_map(|(_, message)| match message {
                Message::Vote(vote) => vote.message.block(),
                _ => None,
            })
            .collect();
        for (to, message) in sent {
            let chance = villain.vices.double_votes;
            match message {
                Message::Vote(vote) if to.is_none() && villain.percent(chance) => {
                    let other = self.contradict(&vote, &blocks, villain.random.gen_range(0..2u8) == 0);
                    for to in (0..self.setup.count()).filter(|to| *to != self.me) {
                        let shown = if villain.random.gen_range(0..2u8) == 0 { &vote } else { &other };
                        out.push((Some(to), Message::Vote(shown.clone())));
                    }
                }
                message => out.push((to, message)),
            }
        }
        self.villain = Some(villain);
        out
    }

    /// Another vote for the same slot: nil, or for the tip's id, or for a block that it also votes for.
    fn contradict(
        &self,
        vote: &SignedVote<FairlaneContext>,
        blocks: &[BlockId],
        prefer_block: bool,
    ) -> SignedVote<FairlaneContext> {
        let said = vote.message.block();
        let other = blocks.iter().copied().find(|block| Some(*block) != said);
        let value = match (said, prefer_block) {
            (Some(_), false) => NilOrVal::Nil,
            _ => NilOrVal::Val(other.unwrap_or(self.chain.tip())),
        };
        let message = Vote { value, ..vote.message.clone() };
        let signature = self.setup.sign(self.me, message.sign_bytes(&self.setup.network));
        SignedVote::new(message, signature)
    }
}
