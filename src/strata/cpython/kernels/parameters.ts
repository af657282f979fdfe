/**
 * Positions in the parameter block: how the host tells the kernels where tables lie and what this CPython's layout is.
 * The host writes the block, calls `configure`, and the kernels keep the values in globals.
 */

// Where things lie: word indexes.
export const P_DIRECTORY: i32 = 0;
export const P_ZERO_SLOT: i32 = 1;
export const P_FIRST_SLOT: i32 = 2;
export const P_PAGE_INFO: i32 = 3;
export const P_RESIDENT_BITS: i32 = 4;
export const P_CHUNK_BITS: i32 = 5;
export const P_CHUNK_RANKS: i32 = 6;
export const P_CHUNK_WORDS: i32 = 7;
export const P_CHUNK_STARTS: i32 = 8;
export const P_POOL_TABLE: i32 = 9;
export const P_POOL_ACCOUNTS: i32 = 10;
export const P_FREE_TAGS: i32 = 11;
export const P_OTHER_HASH: i32 = 12;
/** Table row of each chunk in use, in the order of their bits. */
export const P_CHUNK_ORDINALS: i32 = 13;
export const P_OTHER_WORDS: i32 = 14;
export const P_OTHER_CAPACITY: i32 = 15;
export const P_DESCRIPTOR: i32 = 16;
export const P_BYTES: i32 = 17;
export const P_LINK: i32 = 18;
export const P_ROWS: i32 = 19;
export const P_TYPE_CACHE: i32 = 20;
// How many.
export const P_POOL_PLACES: i32 = 21;
export const P_CHUNK_PLACES: i32 = 22;
// The shape of memory.
export const P_POOL_WORDS: i32 = 23;
export const P_POOL_SHIFT: i32 = 24;
export const P_POOL_HEADER_WORDS: i32 = 25;
export const P_DEBUG_WORDS: i32 = 26;
// CPython's layout, in words unless named otherwise.
export const P_METATYPE_WORD: i32 = 27;
export const P_HEAD_1: i32 = 28;
export const P_HEAD_2: i32 = 29;
export const P_HEAD_3: i32 = 30;
export const P_GC_HEAD: i32 = 31;
export const P_GC_REFS_HEAD: i32 = 32;
export const P_IMMORTAL: i32 = 33;
export const P_STR_ASCII_BYTES: i32 = 34;
export const P_STR_COMPACT_BYTES: i32 = 35;
export const P_STR_UNICODE_BYTES: i32 = 36;
export const P_STR_STATE: i32 = 37;
export const P_STR_WSTR: i32 = 38;
export const P_STR_WSTR_LENGTH: i32 = 39;
export const P_STR_UTF8: i32 = 40;
export const P_STR_UTF8_LENGTH: i32 = 41;
export const P_STR_DATA: i32 = 42;
export const P_LONG_DIGITS_BYTES: i32 = 43;
export const P_LONG_TAGGED: i32 = 44;
export const P_LONG_LEAST_DIGITS: i32 = 45;
export const P_LIST_ITEMS: i32 = 46;
export const P_LIST_ALLOCATED: i32 = 47;
export const P_TUPLE_ITEMS: i32 = 48;
export const P_SET_MASK: i32 = 49;
export const P_SET_TABLE: i32 = 50;
export const P_SET_SMALL_TABLE: i32 = 51;
export const P_DICT_KEYS: i32 = 52;
export const P_DICT_VALUES: i32 = 53;
export const P_KEYS_FORM: i32 = 54;
export const P_KEYS_HEADER_BYTES: i32 = 55;
export const P_KEYS_SIZE: i32 = 56;
export const P_KEYS_USABLE: i32 = 57;
export const P_KEYS_ENTRIES: i32 = 58;
export const P_VALUES_FORM: i32 = 59;
export const P_MANAGED_FORM: i32 = 60;
export const P_WORK_STACK: i32 = 61;
export const P_WORK_CAPACITY: i32 = 62;
/** Words of tp_name, tp_basicsize and tp_flags in a type object. */
export const P_TYPE_NAME: i32 = 64;
export const P_TYPE_BASIC_SIZE: i32 = 65;
export const P_TYPE_FLAGS: i32 = 66;
/** First word behind the image. */
export const P_END_WORD: i32 = 67;
/** Windows of the streams, from and to; 0 when references are not asked for. */
export const P_REFERENCES: i32 = 68;
export const P_REFERENCES_END: i32 = 69;
export const P_CONTENTS: i32 = 70;
export const P_CONTENTS_END: i32 = 71;
export const P_WEAK_OBJECT: i32 = 72;
export const P_WEAK_CALLBACK: i32 = 73;
export const P_BYTES_DATA: i32 = 74;
/** Four words. */
export const P_HASH_KEY: i32 = 75;
/** Chunks in use, in order of address in the ordinals. */
export const P_CHUNKS_IN_USE: i32 = 79;
/** Where pointers into chunks are noted, and how many. */
export const P_INSIDES: i32 = 80;
export const P_INSIDE_CAPACITY: i32 = 81;
export const PARAMETER_WORDS: i32 = 82;

// Words of a type's row; numbers that are left out are free.
export const ROW_WORDS: i32 = 32;
export const ROW_KIND: i32 = 0;
/** Words from the place's first object byte to the object: gc head and managed pre-header. */
export const ROW_HEAD_WORDS: i32 = 1;
export const ROW_BASIC_BYTES: i32 = 2;
export const ROW_ITEM_BYTES: i32 = 3;
/** `FLAG_…` bits. */
export const ROW_FLAGS: i32 = 4;
/** Least bytes an instance has: basicsize, less for the types that are allocated shorter. */
export const ROW_LEAST_BYTES: i32 = 5;
/** Word of the weak-reference list, which is not a reference; -1 for none. */
export const ROW_WEAK_LIST: i32 = 6;
/** First word after the base type's fields, where a subclass's slots begin. */
export const ROW_SLOTS: i32 = 7;
/** Word of the shared keys object, for managed dictionaries; the zero slot when none. */
export const ROW_SHARED_KEYS: i32 = 10;
/** Bytes in place when they differ from the shallow size (containers with an outside table), 0 when not. */
export const ROW_PLACE_BYTES: i32 = 11;
/** Bytes that sys.getsizeof adds for the headers before the object. */
export const ROW_HEAD_SHALLOW: i32 = 12;
/** Place of the type object + 1, 0 until it was looked up. */
export const ROW_TYPE_PLACE: i32 = 8;
/** Byte offset of the instance dictionary, negative from the end; 0 when none or when it is managed. */
export const ROW_DICT_OFFSET: i32 = 13;
// Accumulators: doubles at even words.
export const ROW_COUNT: i32 = 16;
export const ROW_SHALLOW: i32 = 18;
export const ROW_EXTRA: i32 = 20;
export const ROW_RESIDENT: i32 = 22;

export const KIND_ATOM: i32 = 0;
export const KIND_STR: i32 = 1;
export const KIND_LONG: i32 = 2;
export const KIND_TUPLE: i32 = 3;
export const KIND_LIST: i32 = 4;
export const KIND_DICT: i32 = 5;
export const KIND_SET: i32 = 6;
export const KIND_INSTANCE: i32 = 7;
export const KIND_WEAK_REFERENCE: i32 = 8;
/** Unknown C type: every word of the body may be a reference or a buffer. */
export const KIND_BODY: i32 = 9;
export const KIND_HOST: i32 = 10;
export const KIND_BYTES: i32 = 11;

export const FLAG_MANAGED_DICT: i32 = 1;
export const FLAG_INLINE_VALUES: i32 = 2;
/** A subclass whose instances are longer than its base's: words from ROW_SLOTS on are references. */
export const FLAG_SLOTS: i32 = 4;
export const FLAG_GC: i32 = 8;
/** Size rounded up to 8 bytes (code objects from 3.11). */
export const FLAG_ROUND_8: i32 = 16;
/** ob_size counts items in the object: an instance that would not fit its place is none. */
export const FLAG_VARIABLE: i32 = 32;
/** ob_size is no count of items in the object. */
export const FLAG_NO_ITEMS: i32 = 64;
/** Others may have tables inside an object of this type. */
export const FLAG_HOLDS_TABLES: i32 = 128;
/** Decoding an object of this type reads other objects. */
export const FLAG_READS_OTHERS: i32 = 256;
/** Instances own a reference to their type. */
export const FLAG_COUNTS_TYPE: i32 = 512;
/** Instances are types. */
export const FLAG_METATYPE: i32 = 1024;

// States of a place; the same numbers as snapshot's ObjectState.
export const STATE_FREE: i32 = 0;
export const STATE_RAW: i32 = 1;
export const STATE_OBJECT: i32 = 2;
export const STATE_BUFFER: i32 = 3;
export const STATE_FREE_LIST: i32 = 4;
export const STATE_RUNTIME: i32 = 5;
export const STATE_LIBRARY: i32 = 6;

export const TYPE_MASK: i32 = 0xffffff;
export const STATE_SHIFT: i32 = 24;
export const HEAD_SHIFT: i32 = 27;
export const GENERATION_SHIFT: i32 = 29;
/**
 * Bit 31: two debug headers lie before the object instead of one. With PYTHONMALLOC=debug a request that pymalloc passes on to
 * malloc goes through the debug hooks of both domains (Objects/obmalloc.c).
 */
export const TWICE_DEBUGGED: i32 = -2147483648;
/** Bits 29–30 of a descriptor: generation 0–2, 3 = not tracked. */
export const NOT_TRACKED: i32 = 3;

// Type field of a buffer's descriptor.
/** Its bytes are part of the owner's shallow size. */
export const BUFFER_COUNTED: i32 = 0;
/** Its bytes come on top of the owner's shallow size. */
export const BUFFER_EXTRA: i32 = 1;

// Type field of the descriptor of memory in use that has no owner; the same as snapshot's UnownedKind.
export const UNOWNED_UNKNOWN: i32 = 0;
/** A thread's stack or thread-local data points at it: its link is the thread's row. */
export const UNOWNED_THREAD: i32 = 1;
/** Other memory of the process points at it: mappings that are nobody's known data. */
export const UNOWNED_ELSEWHERE: i32 = 2;
/** Only other memory without an owner points at it. */
export const UNOWNED_CHAINED: i32 = 3;
/** The same, and it begins as objects of C++ classes of a library do: its link is the library. */
export const UNOWNED_GUESSED: i32 = 4;
/** Nothing points at it. */
export const UNOWNED_LEAKED: i32 = 5;

// Slots of references: part in the upper three bits, position in the others; the same as snapshot's SlotPart.
export const SLOT_ITEM: i32 = 0;
export const SLOT_FIELD: i32 = 0x20000000;
export const SLOT_ATTRIBUTE: i32 = 0x40000000;
export const SLOT_LOCAL: i32 = 0x60000000;
export const SLOT_MEMORY: i32 = -2147483648;
/** No slot: what lies there is not to be told. */
export const SLOT_NONE: i32 = -1;
export const SLOT_TYPE: i32 = -1610612736;
export const SLOT_DICT: i32 = -1610612735;

// Streams to the host.
export const STREAM_REFERENCES: i32 = 0;
export const STREAM_CONTENTS: i32 = 1;
/** No record is begun with less room. */
export const LEAST_RECORD_WORDS: i32 = 16;
/** Most references that are written at once; even, and no more than fit a window. */
export const PIECE_ENTRIES: i32 = 4096;
/** A record that is longer is continued in another: entries have 24 bits in its header. */
export const MOST_RECORD_WORDS: i32 = 0x1000000;
/** Second word of a record: entries below this bit, uncounted ones among them above. */
export const UNCOUNTED_SHIFT: i32 = 24;
/** On a target: the reference does not keep it alive. Places are below 2^30, the words of all memory. */
export const UNCOUNTED: i32 = -2147483648;
/** The same, and the target is the place of keys that a dictionary shares. */
export const SHARED_KEYS: i32 = -1073741824;
export const TARGET_MASK: i32 = 0x3fffffff;
/** Instead of a record's place: the runtime's data and memory, a library's (its number further down). */
export const FROM_RUNTIME: i32 = -1;
export const FROM_LIBRARY: i32 = -2;
/** Words of an entry of the contents: {place, length, hash}. */
export const CONTENT_WORDS: i32 = 4;
export const MOST_HASHED_BYTES: i32 = 0x10000;

// Forms of dictionary keys.
/** 3.6–3.10: {refcnt, size, lookup, usable, nentries, indices}, 24-byte entries. */
export const KEYS_WIDE: i32 = 0;
/** 3.11+: logarithmic sizes in bytes 8–10, 16-byte entries when all keys are str. */
export const KEYS_COMPACT: i32 = 1;

// Forms of split values.
/** 3.6–3.10: a bare array of USABLE_FRACTION(size) pointers. */
export const VALUES_ARRAY: i32 = 0;
/** 3.11–3.12: pointers behind a prefix whose length is in the byte before the first. */
export const VALUES_PREFIXED: i32 = 1;
/** 3.13+: {capacity, size, embedded, valid}, pointers at +8. */
export const VALUES_SIZED: i32 = 2;

// Forms of managed dictionaries, in words before the object.
/** 3.11: values at -32, dict at -24. */
export const MANAGED_PAIR: i32 = 0;
/** 3.12: one word at -24, odd when it is values − 1. */
export const MANAGED_TAGGED: i32 = 1;
/** 3.13+: dict at -24, values inline behind the object. */
export const MANAGED_INLINE: i32 = 2;

/** Least and largest tp_basicsize that is believed: an object header, and more than any C type has. */
export const LEAST_BASIC_BYTES: i32 = 16;
export const MOST_BASIC_BYTES: i32 = 1000000;

/** Words of an entry of the page-information table: {reciprocal of block words, first place, block words, blocks}. */
export const PAGE_INFO_WORDS: i32 = 4;
/** Words of an entry of the pool table: {first word, first place, `TURN_…`}. */
export const POOL_ENTRY_WORDS: i32 = 3;
// When a pool is decoded.
/** Nobody else reads this pool: its part of the image is not needed once it is decoded. */
export const TURN_ALONE: i32 = 0;
/** It holds tables of objects anywhere. */
export const TURN_TABLES: i32 = 1;
/** Its objects are decoded by reading others, wherever these are. */
export const TURN_FIRST: i32 = 2;
/** Words of a pool's accounts; doubles are not needed, a pool is at most 16 KiB. */
export const ACCOUNT_WORDS: i32 = 8;
export const ACCOUNT_OBJECTS: i32 = 0;
export const ACCOUNT_ROUNDING: i32 = 1;
export const ACCOUNT_FREE: i32 = 2;
export const ACCOUNT_FREE_LIST: i32 = 3;
export const ACCOUNT_RUNTIME: i32 = 4;
export const ACCOUNT_UNOWNED: i32 = 5;
export const ACCOUNT_HEADER: i32 = 6;
/** Free blocks that the free list and the never-carved tail name. */
export const ACCOUNT_FREE_BLOCKS: i32 = 7;

export const TYPE_CACHE_ENTRIES: i32 = 16384;
/** Entries of the hash of other objects at first; two words each. */
export const LEAST_HASH_ENTRIES: i32 = 32768;
