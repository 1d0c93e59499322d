/*
 * The protocol without locks (src/repo/FORMAT.md, section 13) as a model for spin: writers, pruners that void and repack, and no
 * clock: everything is always old enough, so whatever may be condemned or voided at some time may be at any. What must hold is
 * that a snapshot whose commit was acknowledged keeps its chunk.
 *
 * There is one chunk. Pack 0 has it and is in the index; nothing refers to it. Each other pack is made by one writer, or by one
 * repacking pruner, and has it too. Each PUT, each LIST and each deletion is one step; objects are bits. Sets of packs and of
 * snapshots are bit masks. A snapshot relies on one pack.
 *
 * Compiled with one of these, it must lose: LOOK_BEFORE (a pruner looks before it condemns), NO_LOOK (a writer does not look
 * again), ACK_BEFORE_VOIDS (a writer acknowledges before it lists voids), TAKE_BACK (a pruner takes back what it condemned,
 * where it is still referred to), DROP_TOMBSTONE (the condemnation goes with the pack), DUPLICATES_BEFORE (a pruner judges by
 * the condemnations from before its own which packs with the same chunk may be counted on), NO_MOVED (it tells no one on which
 * pack it counts), RUNS_FIRST (it lists runs before packs and condemnations), SAID_LATE (a writer that may not list says so after its first pack).
 */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef PRUNERS
#define PRUNERS 2
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif
#ifndef UNSEEING
#define UNSEEING 0
#endif
#define PACKS (1 + WRITERS + UNSEEING)
#define SNAPSHOTS (WRITERS * ATTEMPTS + UNSEEING)
#define HAS(set, n) (((set) >> (n)) & 1)
#define BIT(n) (1 << (n))

byte packs = 1, segments = 1;	/* those that are there; those that an index segment names */
byte condemned;			/* those that a condemnation names */
byte snapshots, entries, voids; /* of snapshots: the object, its commit, a void of it */
byte acknowledged;
bool said;			/* the writer that may not list said so, in a run object */
byte relied[SNAPSHOTS];		/* on which pack */
byte moved[PACKS];		/* what a pruner said of a pack: these packs have its chunk too */

/* What a snapshot that relies on pack p refers to. */
inline refer(p, set)
{
	set = set | BIT(p) | moved[p];
}

inline must_hold()
{
	d_step {
		for (i : 0 .. SNAPSHOTS - 1) {
			if
			:: HAS(acknowledged, i) ->
				all = 0;
				refer(relied[i], all);
				assert(all & packs)
			:: else
			fi
		}
		i = 0;
		all = 0
	}
}

proctype writer(byte me)
{
	byte i, all, attempt, seen, pack, mine, s;
	bool found;
	do
	:: attempt == ATTEMPTS -> break
	:: else ->
		s = me * ATTEMPTS + attempt;
		attempt++;
		seen = condemned;			/* LIST condemned */
		d_step {				/* LIST index */
			found = false;
			pack = 0;
			do
			:: pack == PACKS -> break
			:: pack < PACKS && HAS(segments & ~seen, pack) -> found = true; break
			:: else -> pack++
			od
		}
		if
		:: found
		:: !found && !mine ->
			mine = 1 + me;
			pack = mine;
			packs = packs | BIT(mine);	/* PUT pack */
			segments = segments | BIT(mine)	/* PUT index */
		:: !found && mine -> break		/* its own was condemned too: it gives up */
		fi;
		d_step {				/* PUT snapshot */
			relied[s] = pack;
			snapshots = snapshots | BIT(s)
		}
#ifndef NO_LOOK
		seen = condemned;			/* LIST condemned */
#endif
		if
		:: HAS(seen, pack)			/* again, with what is there by then */
		:: else ->
			entries = entries | BIT(s);	/* PUT entry */
#ifdef ACK_BEFORE_VOIDS
			acknowledged = acknowledged | BIT(s); must_hold(); break
#else
			if				/* LIST void */
			:: HAS(voids, s)
			:: else -> acknowledged = acknowledged | BIT(s); must_hold(); break
			fi
#endif
		fi
	od
}

/* A writer that may not list: relies on nothing but its own, the last pack, and sees neither condemnations nor voids. */
#define UNSEEING_PACK (PACKS - 1)
#define UNSEEING_SNAPSHOT (SNAPSHOTS - 1)
proctype unseeing()
{
	byte i, all;
#ifdef SAID_LATE
	packs = packs | BIT(UNSEEING_PACK);
	said = true;
#else
	said = true;					/* PUT run */
	packs = packs | BIT(UNSEEING_PACK);		/* PUT pack */
#endif
	segments = segments | BIT(UNSEEING_PACK);	/* PUT index */
	d_step {
		relied[UNSEEING_SNAPSHOT] = UNSEEING_PACK;
		snapshots = snapshots | BIT(UNSEEING_SNAPSHOT)
	}
	entries = entries | BIT(UNSEEING_SNAPSHOT);	/* PUT entry */
	acknowledged = acknowledged | BIT(UNSEEING_SNAPSHOT);
	must_hold()
}

/* LIST voids, then entries, then snapshots: what they refer to. */
inline look()
{
	void_seen = voids;
	entry_seen = entries;
	d_step {
		referred = 0;
		unconfirmed = 0;
		for (i : 0 .. SNAPSHOTS - 1) {
			if
			:: HAS(snapshots, i) && (HAS(entry_seen, i) || !HAS(void_seen, i)) ->
				refer(relied[i], referred);
				if
				:: !HAS(entry_seen, i) -> unconfirmed = unconfirmed | BIT(i)
				:: else
				fi
			:: else
			fi
		}
		i = 0;
		/* Packs of a run that can't see condemnations are let be until its entry is there, and so is its snapshot. */
		alone = 0;
		if
		:: UNSEEING && run_seen && !HAS(entry_seen, UNSEEING_SNAPSHOT) ->
			alone = BIT(UNSEEING_PACK);
			unconfirmed = unconfirmed & ~BIT(UNSEEING_SNAPSHOT)
		:: else
		fi;
		void_seen = 0;
		entry_seen = 0
	}
}

proctype pruner(byte me)
{
	byte i, all, void_seen, entry_seen, referred, unconfirmed, alone, there, mine, seen, before, other, p;
	bool run_seen;
	before = condemned;				/* LIST condemned */
#ifdef RUNS_FIRST
	run_seen = said;
	there = packs;
#else
	there = packs;					/* LIST pack */
	run_seen = said;				/* LIST run */
#endif
	look();
	if						/* or not: it may think them too young */
	:: unconfirmed -> voids = voids | unconfirmed	/* PUT void */
	:: true
	fi;
	unconfirmed = 0;
	mine = there & ~referred & ~alone;
	there = 0;
	condemned = condemned | mine;			/* PUT condemned */
#ifdef RUNS_FIRST
	run_seen = said;
#endif
#ifdef DUPLICATES_BEFORE
	seen = before | mine;
#else
	seen = condemned;				/* LIST condemned */
#endif
#ifndef LOOK_BEFORE
#ifndef RUNS_FIRST
	run_seen = said;				/* LIST run */
#endif
	look();
	unconfirmed = 0;
#endif
	for (p : 0 .. PACKS - 1) {
		if
		:: HAS(seen & packs & ~referred & ~alone, p) ->
			packs = packs & ~BIT(p);	/* DELETE pack */
#ifdef DROP_TOMBSTONE
			condemned = condemned & ~BIT(p);
#endif
			must_hold()
		:: atomic {
			/* Still referred to, but the chunk lies in another pack, which is not condemned: counts on that one. */
			HAS(seen & packs & referred & ~alone, p) && (packs & ~seen) ->
			other = packs & ~seen;
			other = other & ~(other - 1)
		   }
#ifndef NO_MOVED
			moved[p] = moved[p] | other;	/* PUT condemned, saying so */
#endif
			if
#ifdef DUPLICATES_BEFORE
			:: true ->
#else
			:: !(condemned & other) ->	/* LIST condemned */
#endif
				packs = packs & ~BIT(p);
				must_hold()
			:: else
			fi;
			other = 0
		:: else
#ifdef TAKE_BACK
			;
			if
			:: HAS(mine & referred, p) -> condemned = condemned & ~BIT(p)
			:: else
			fi
#endif
		fi
	}
}

init {
	byte n;
	atomic {
		for (n : 0 .. WRITERS - 1) { run writer(n) }
		for (n : 0 .. PRUNERS - 1) { run pruner(n) }
		if
		:: UNSEEING -> run unseeing()
		:: else
		fi;
		n = 0
	}
}
