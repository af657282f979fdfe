/** tp_flags bits (CPython Include/object.h, 3.6–3.13). */
export const TypeFlag = {
  /** 3.13+ */
  inlineValues: 1 << 2,
  /** 3.12+ */
  managedWeakReference: 1 << 3,
  /** 3.11+ */
  managedDict: 1 << 4,
  heapType: 1 << 9,
  ready: 1 << 12,
  gc: 1 << 14,
  typeSubclass: 1 << 31,
} as const;
