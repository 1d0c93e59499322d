/*
 * Comparing a directory with a feed: is what was restored, byte for byte and attribute for attribute, what was captured?
 */
#ifndef HF_SOURCE_TREE_COMPARE_H
#define HF_SOURCE_TREE_COMPARE_H

#include "source/source.h"

/*
 * Reads all of `feed` and all below `dirfd`, and adds three checks to `report`, which prove:
 *
 *	complete	every entry of the feed is there, and nothing else is
 *	content		every byte of every file, holes included, and every link's target
 *	attributes	type, mode, owner, time, size, device numbers, xattrs with ACLs, file flags, and which names are
 *			hard links of one file
 *
 * Each says how much it compared, or how many differences there are and the first few of them. Without root, owners
 * and setuid bits, which could not be restored, are not compared, and the check says so. Negative if the feed failed
 * or the walk could not be made: then nothing is known.
 */
int hf_tree_compare(struct hf_feed *feed, int dirfd, struct hf_check_report *report, struct hf_error *err)
	HF_MUST_CHECK;

#endif
