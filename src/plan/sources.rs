//! Chooses where each missing blob comes from: another place in the machine's trees, a block of a pack, or its object.
//!
//! A block is taken when it is cheaper than what it replaces, the objects of the blobs that only it would bring. Of one
//! pack, what is held already comes first; then, where bytes are dearer than time, blocks that cost much time and memory;
//! then all others, which bring what is still missing. So no blob comes twice, and none is lost when a block is struck.
//! Where packs lead over several releases, what the last one starts from is wanted of the one before, and so on back; such
//! a blob is worth what the blocks that start from it save, so that a way over several packs never costs more than
//! objects. Blocks that lie next to each other in a pack become one request.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::work::{Base, BlockWork, Make, Work, join};
use super::{Memory, Need, Offer, Preference, Present, Terms};
use crate::pack::{Build, PlacedBlock, ShortId};
use crate::types::{Digest, Seen, Slot, TreePath};

/// So often is chosen anew because a blob of a release on the way is not to be had, before all of them are done without.
const MAX_ROUNDS: usize = 8;

/// What was chosen.
#[derive(Clone, Debug, Default)]
pub(super) struct Chosen {
    /// Lists of work, each of which may need what those before it bring.
    pub work: Vec<Vec<Work>>,
    /// Blobs of releases on the way that are made.
    pub between: Vec<Need>,
}

impl Terms {
    /// Whether a block may be taken at all.
    fn allow(&self, placed: &PlacedBlock) -> bool {
        let fits = self.memory.is_none_or(|memory| placed.block.decoder_memory() <= memory);
        fits && (self.prefer == Preference::Bytes || !placed.block.is_costly())
    }
}

pub(super) fn choose(
    present: Present<'_>,
    needs: &[Need],
    offers: &[Offer<'_>],
    memory: &Memory,
    terms: Terms,
) -> Chosen {
    let chooser = Chooser::new(present, offers, memory, terms);
    let mut missed = HashSet::new();
    for _ in 1..MAX_ROUNDS {
        let (chosen, missing) = chooser.round(needs, |base| !missed.contains(base));
        if missing.is_empty() {
            return chosen;
        }
        missed.extend(missing);
    }
    chooser.round(needs, |_| false).0
}

/// A blob that is wanted, and what may be paid for it.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    need: Need,
    worth: u64,
}

struct Chooser<'a> {
    offers: &'a [Offer<'a>],
    memory: &'a Memory,
    terms: Terms,
    /// For each content that is intact in the live tree, a path that has it; without those that turned out not to.
    here: HashMap<Digest, &'a TreePath>,
    /// The digests of the release that the live tree is of, in order.
    installed: Vec<Digest>,
    /// For each offer that leads from a release on the way, the digests of that, in order.
    before: Vec<Vec<Digest>>,
}

impl<'a> Chooser<'a> {
    fn new(present: Present<'a>, offers: &'a [Offer<'a>], memory: &'a Memory, terms: Terms) -> Self {
        let intact = present.tree.entries().iter().zip(present.seen).filter(|(_, seen)| **seen == Seen::Same);
        let here = intact.filter_map(|(entry, _)| Some((entry.kind.digest()?, &entry.path)));
        let here = here.filter(|(digest, _)| !memory.struck.contains(digest)).collect();
        let mut installed: Vec<Digest> = present.tree.digests().collect();
        installed.sort_unstable();
        installed.dedup();
        let before = offers.iter().map(|offer| offer.before.iter().map(|need| need.digest).collect());
        Self { offers, memory, terms, here, installed, before: before.collect() }
    }

    /// Chooses once, with those blobs of releases on the way as bases that `may_be_base` allows. Also gives those that
    /// nothing makes.
    fn round(&self, needs: &[Need], may_be_base: impl Fn(&Digest) -> bool) -> (Chosen, Vec<Digest>) {
        let mut open: BTreeMap<Digest, Wanted> = BTreeMap::new();
        let (mut first, mut copied) = (Vec::new(), HashSet::new());
        for need in needs.iter().filter(|need| !self.memory.blobs.contains(&need.digest)) {
            if let Some((tree, from)) = self.file(&need.digest) {
                first.push(Work::Copy { tree, from: from.clone(), need: *need });
                copied.insert(need.digest);
            } else {
                open.insert(need.digest, Wanted { need: *need, worth: self.memory.price(need) });
            }
        }
        let mut later = Vec::new();
        let mut between: BTreeMap<Digest, Need> = BTreeMap::new();
        // What a later pack makes is there too late to start from.
        let mut made: HashSet<Digest> = HashSet::new();
        for (offer, before) in self.offers.iter().zip(&self.before) {
            let (work, bases) = self.step(offer, before, &mut open, |base| may_be_base(base) && !made.contains(base));
            made.extend(work.iter().flat_map(Work::blocks).flat_map(|block| &block.makes).filter_map(Make::digest));
            for (base, worth) in bases.into_iter().filter(|(base, _)| !copied.contains(base)) {
                let need = offer.before[before.binary_search(&base).expect("it was found there")];
                open.entry(base).or_insert(Wanted { need, worth: 0 }).worth += worth;
                between.insert(base, need);
            }
            match offer.before {
                [] => first.extend(work),
                _ => later.push(work),
            }
        }
        // What the target needs as well comes as an object, before anything starts from it.
        between.retain(|base, _| needs.binary_search_by_key(base, |need| need.digest).is_err());
        let missing = between.keys().filter(|base| open.contains_key(base)).copied().collect();
        first.extend(needs.iter().filter(|need| open.contains_key(&need.digest)).copied().map(Work::Object));
        let stages = std::iter::once(first).chain(later.into_iter().rev());
        let work = stages.filter(|work| !work.is_empty()).collect();
        (Chosen { work, between: between.into_values().collect() }, missing)
    }

    /// A file with that content, unless it turned out to have another.
    fn file(&self, digest: &Digest) -> Option<(Slot, &TreePath)> {
        if self.memory.struck.contains(digest) {
            return None;
        }
        let elsewhere = || self.memory.elsewhere.get(digest).map(|(tree, path)| (*tree, path));
        self.here.get(digest).map(|path| (Slot::Live, *path)).or_else(elsewhere)
    }

    /// What of one pack pays, given what is `open`; that is less afterwards. Also gives the blobs of the release before
    /// that it starts from and nobody has, with what they are worth.
    fn step(
        &self,
        offer: &Offer<'_>,
        before: &[Digest],
        open: &mut BTreeMap<Digest, Wanted>,
        may_be_base: impl Fn(&Digest) -> bool,
    ) -> (Vec<Work>, BTreeMap<Digest, u64>) {
        // A pack makes what the release before it lacks. What is made otherwise would be base and result in one.
        let is_new = |digest: &&Digest| before.binary_search(digest).is_err();
        let wanted: Vec<Digest> = open.keys().filter(is_new).copied().collect();
        let before = if before.is_empty() { &self.installed } else { before };
        let base = |digest: Digest| match self.here.get(&digest) {
            Some(path) => Some(Base::Live((*path).clone(), digest)),
            None if self.memory.blobs.contains(&digest) => Some(Base::Stored(digest)),
            None => (!offer.before.is_empty() && may_be_base(&digest)).then_some(Base::Stored(digest)),
        };
        let (mut taken, mut work, mut bases) = (Vec::new(), Vec::new(), BTreeMap::new());
        let held = |placed: &PlacedBlock| self.memory.blocks.contains(&placed.block.digest);
        // A block without bytes, which makes empty blobs alone, is in no range of a pack: it never comes.
        let comes = |placed: &PlacedBlock| held(placed) || placed.block.length() > 0;
        let useless = |placed: &PlacedBlock| {
            self.memory.struck.contains(&placed.block.digest) || !self.terms.allow(placed) || !comes(placed)
        };
        let mut blocks: Vec<&PlacedBlock> = offer.index.blocks().iter().filter(|placed| !useless(placed)).collect();
        blocks.sort_by_key(|placed| (!held(placed), !placed.block.is_costly()));
        for placed in blocks {
            let makes = makes(placed, open, &wanted, |id| base(id.resolve(before)?));
            let made = || makes.iter().filter_map(Make::digest);
            let worth: u64 = made().map(|digest| open[&digest].worth).sum();
            let held = held(placed);
            let cost = if held { 0 } else { placed.block.length() };
            if made().next().is_none() || !held && cost >= worth {
                continue;
            }
            for (digest, base) in makes.iter().filter_map(Make::on_stored) {
                if !self.memory.blobs.contains(&base) {
                    // Of what the block saves, the part of this blob.
                    let share = u128::from(worth - cost) * u128::from(open[&digest].worth) / u128::from(worth.max(1));
                    *bases.entry(base).or_default() += share as u64;
                }
            }
            for digest in made() {
                open.remove(&digest);
            }
            let block = BlockWork { block: placed.clone(), makes };
            match held {
                true => work.push(Work::Block(block)),
                false => taken.push(block),
            }
        }
        taken.sort_by_key(|work| work.block.offset);
        work.extend(join(&offer.pack.path, taken).into_iter().map(Work::Range));
        (work, bases)
    }
}

fn makes(
    placed: &PlacedBlock,
    open: &BTreeMap<Digest, Wanted>,
    wanted: &[Digest],
    base: impl Fn(ShortId) -> Option<Base>,
) -> Vec<Make> {
    let mut seen = HashSet::new();
    let make = |build: &Build<ShortId>| {
        let is_it = |digest: &Digest| open.get(digest).is_some_and(|wanted| wanted.need.size == build.size);
        let digest = build.id.resolve(wanted).filter(is_it)?;
        let make = match build.method.base() {
            None => Make::Whole(digest),
            Some(id) => Make::Delta(digest, base(id)?),
        };
        seen.insert(digest).then_some(make)
    };
    placed.block.builds.iter().map(make).map(|make| make.unwrap_or(Make::Skip)).collect()
}
