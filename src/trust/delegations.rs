//! Any target of any TUF repository, by name: for the TUF conformance suite. A look for updating ends at the top-level
//! targets, and a publication that delegates is refused there (`release`).
//!
//! Roles are asked in TUF's order (5.6.7): preorder, depth first, past the rest where a role is terminating. A role is
//! fetched only when the search comes to it, at most once, in bounded length, and must be what the snapshot names, signed
//! by the keys that *this* delegator gives to it, and not past its end. A search asks at most [`MAX_DELEGATED_ROLES`]
//! roles. A role whose name is no plain file name is refused. Nothing of this is remembered: the snapshot's versions keep
//! delegated roles from going back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tough::TargetName;
use tough::schema::{DelegatedRole, Delegations, PathSet, Targets};

use super::error::{Role, TrustError};
use super::feed::{bounded, limit_bytes};
use super::release::{sha256, shown};
use super::roles::{Quartet, Seen, check_named, keys_are_distinct};
use super::source::Source;
use super::time::{Expiry, KnownTime};
use super::trusted::{Reference, Trusted};

/// How many delegated roles one search asks at most.
const MAX_DELEGATED_ROLES: usize = 32;

/// What a look at a TUF repository of any kind found.
#[derive(Debug)]
pub struct TargetsLook {
    quartet: Quartet,
    time: KnownTime,
    expiry: Expiry,
    /// By role; verified anew for each delegator that leads to them.
    roles: BTreeMap<String, Arc<Seen<Targets>>>,
}

/// A role that is still to be asked: the `index`-th of those to which `delegator` delegates.
struct Open {
    delegator: Arc<Seen<Targets>>,
    index: usize,
}

impl TargetsLook {
    pub(super) const fn new(quartet: Quartet, (time, expiry): (KnownTime, Expiry)) -> Self {
        Self { quartet, time, expiry, roles: BTreeMap::new() }
    }

    /// Whether the files carry their version or digest in their names.
    pub const fn consistent_snapshot(&self) -> bool {
        self.quartet.root.document.signed.consistent_snapshot
    }

    /// The documents of delegated roles that were fetched so far, by role.
    pub fn delegated(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.roles.iter().map(|(name, seen)| (name.as_str(), seen.bytes.as_slice()))
    }

    /// What the first role that names this target says of it; none when none does.
    ///
    /// # Errors
    /// [`TrustError::Malformed`] for a name that no target can have; those of fetching and verifying a delegated role,
    /// [`TrustError::Delegation`] for one whose name is no plain file name.
    pub async fn find(&mut self, source: &dyn Source, name: &str) -> Result<Option<Trusted<Reference>>, TrustError> {
        let target = TargetName::new(name).map_err(|source| TrustError::malformed(shown(name), source))?;
        let mut role = Arc::new(self.quartet.targets.clone());
        let (mut open, mut asked) = (Vec::new(), BTreeSet::new());
        loop {
            if let Some(found) = role.document.signed.targets.get(&target) {
                let bad_digest = || TrustError::malformed(shown(name), "its digest is not 32 bytes long");
                let digest = sha256(found).ok_or_else(bad_digest)?;
                return Ok(Some(Trusted::vouch(Reference { digest, length: found.length })));
            }
            delegate(&role, &target, &mut open);
            let next = loop {
                let Some(Open { delegator, index }) = open.pop() else { return Ok(None) };
                let Some((delegations, role)) = delegation(&delegator, index) else { continue };
                if asked.len() == MAX_DELEGATED_ROLES {
                    return Ok(None);
                }
                if asked.insert(role.name.clone()) {
                    break self.ask(source, delegations, role).await?;
                }
            };
            match next {
                Some(next) => role = next,
                // What the snapshot does not name ends the search.
                None => return Ok(None),
            }
        }
    }

    /// The document of a delegated role; none when the snapshot does not name it.
    async fn ask(
        &mut self,
        source: &dyn Source,
        delegations: &Delegations,
        role: &DelegatedRole,
    ) -> Result<Option<Arc<Seen<Targets>>>, TrustError> {
        let file = format!("{}.json", role.name);
        let Some(named) = self.quartet.snapshot.document.signed.meta.get(&file) else { return Ok(None) };
        if role.name.is_empty()
            || role.name.contains(|letter: char| matches!(letter, '/' | '\\') || letter.is_control())
        {
            return Err(TrustError::Delegation { name: shown(&role.name) });
        }
        let path = match self.consistent_snapshot() {
            true => format!("metadata/{}.{file}", named.version),
            false => format!("metadata/{file}"),
        };
        let seen = match self.roles.get(&role.name) {
            Some(seen) => Arc::clone(seen),
            None => {
                let limit_bytes = limit_bytes(Some(named));
                let bytes = bounded(&path, limit_bytes, source.fetch(&path, limit_bytes).await)?;
                check_named(&path, named, &bytes)?;
                Arc::new(Seen::parse(&path, bytes)?)
            }
        };
        if !keys_are_distinct(&role.keyids, &delegations.keys) {
            return Err(TrustError::malformed(path, "its delegator gives it one key under two names"));
        }
        let refused = |source| TrustError::Signature { role: Role::Targets, source: Box::new(source) };
        delegations.verify_role(&seen.document, &role.name).map_err(refused)?;
        let (wanted, found) = (named.version.get(), seen.version());
        if found != wanted {
            return Err(TrustError::VersionMismatch { role: Role::Targets, wanted, found });
        }
        if self.expiry == Expiry::Enforced {
            seen.check_end(self.time.now())?;
        }
        self.roles.insert(role.name.clone(), Arc::clone(&seen));
        Ok(Some(seen))
    }
}

/// Opens the roles to which this one delegates the target, so that the first of them is the last that was opened.
fn delegate(delegator: &Arc<Seen<Targets>>, target: &TargetName, open: &mut Vec<Open>) {
    let roles = (0..).map_while(|index| delegation(delegator, index).map(|(_, role)| (index, role)));
    let mut matching = Vec::new();
    for (index, role) in roles.filter(|(_, role)| has_path(role, target)) {
        matching.push(Open { delegator: Arc::clone(delegator), index });
        if role.terminating {
            open.clear();
            break;
        }
    }
    open.extend(matching.into_iter().rev());
}

fn delegation(delegator: &Seen<Targets>, index: usize) -> Option<(&Delegations, &DelegatedRole)> {
    let delegations = delegator.document.signed.delegations.as_ref()?;
    Some((delegations, delegations.roles.get(index)?))
}

/// Whether a role is trusted with this target. In `tough` a `*` also stands for `/`; in TUF it does not, so a pattern
/// must have as many of them as the name.
fn has_path(role: &DelegatedRole, target: &TargetName) -> bool {
    let depth = |path: &str| path.matches('/').count();
    let mut role = DelegatedRole { targets: None, ..role.clone() };
    if let PathSet::Paths(patterns) = &mut role.paths {
        patterns.retain(|pattern| depth(pattern.value()) == depth(target.resolved()));
    }
    Delegations { roles: vec![role], ..Delegations::new() }.target_is_delegated(target)
}
