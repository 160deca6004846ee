//! Every place between two steps by which a transition changes the machine: where a run may die.
//!
//! The moves tell the [`Reporter`](super::Reporter) when they come by; nothing else depends on it. A test that lets a run end
//! there, at each of them, tries what a kill leaves.

/// Makes the list and the way to go through it, so that none can be forgotten.
macro_rules! checkpoints {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A place between two steps that change the machine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Checkpoint {
            $($(#[$doc])* $name,)*
        }

        impl Checkpoint {
            /// All of them, in the order in which a transition comes by.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

checkpoints! {
    /// Stage: a tree that nobody looks at any more has gone.
    BusyDropped,
    /// Stage: a next tree that somebody looks at has been left to him.
    NextLeft,
    /// Stage: there is a next tree that nobody looks at.
    NextChosen,
    /// Stage: the next tree says nothing of itself any more.
    RecordRemoved,
    /// Stage: what has no place in a directory of the next tree has gone from it.
    Cleared,
    /// Stage: a file or symlink is at its place in the next tree.
    Placed,
    /// Stage: a directory of the next tree is as it should be.
    DirectorySettled,
    /// Stage: a path that no release owns has been linked into the tree that is to be live.
    Carried,
    /// Stage: the new record is there, but for what makes it one.
    RecordBegun,
    /// Stage: the new record is there.
    RecordWritten,
    /// Stage: the directories above the record and carried paths are as they should be; the tree is complete.
    Staged,
    /// Rollback: something that does not belong to the kept tree has gone from it.
    LeftoverRemoved,
    /// Rollback: the kept tree is as whole as it can be made.
    Mended,
    /// Switch: everything below the exchange is on disk; also at the end of a run that only stages.
    TreesSynced,
    /// Switch: the journal is on disk.
    JournalWritten,
    /// Switch: the trees have changed places.
    Exchanged,
    /// Settle: what the new tree displaces, or people have worked over since the exchange, is out of the former tree, a path of
    /// it or all.
    Rescued,
    /// Settle: the new live tree has its time again.
    LiveTimed,
    /// Settle: the former live tree has its time again.
    FormerTimed,
    /// Settle: a path that no release owns is the real one again in the live tree.
    BroughtBack,
    /// Settle: the former live tree is the previous one.
    FormerPlaced,
    /// Settle: everything since the exchange is on disk.
    SettledSynced,
    /// Settle: the journal has gone.
    JournalCleared,
    /// Recover: the journal of an exchange that was not made has gone.
    IdleJournalCleared,
    /// Heal, mend: something whole lies beside something damaged.
    WholeLinked,
    /// Heal, mend: it is in the place of that.
    WholePlaced,
    /// Heal: the previous tree has no damage of the former live one.
    Healed,
    /// After a transition: the store has gone.
    StoreForgotten,
    /// After a transition: what is known of the files has been kept.
    FingerprintsKept,
}
