/* Keeps, loses and frees native memory on purpose. Every function returns the addresses of what it allocated, in the order told. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <unistd.h>

/* First member: what points at it, if anything, is at the beginning. */
struct node {
  struct node *next;
  char rest[];
};

/* Written and never read: a compiler would leave them out. */
static struct node *volatile chain;
static char *volatile middle;
static __thread void *volatile thread_local;

static void *allocate(Py_ssize_t bytes) {
  void *memory = malloc(bytes);
  /* No word of it is an address. */
  memset(memory, 0xa5, bytes);
  return memory;
}

static void append(PyObject *list, void *memory) {
  PyObject *address = PyLong_FromVoidPtr(memory);
  PyList_Append(list, address);
  Py_DECREF(address);
}

static struct node *allocate_chain(Py_ssize_t count, Py_ssize_t bytes, PyObject *addresses) {
  struct node *head = NULL;
  for (Py_ssize_t index = 0; index < count; index++) {
    struct node *node = allocate(bytes);
    node->next = head;
    head = node;
    append(addresses, node);
  }
  return head;
}

/* leak(count, bytes): nothing points at it. */
static PyObject *leak(PyObject *self, PyObject *arguments) {
  Py_ssize_t count, bytes;
  if (!PyArg_ParseTuple(arguments, "nn", &count, &bytes)) return NULL;
  PyObject *addresses = PyList_New(0);
  for (Py_ssize_t index = 0; index < count; index++) append(addresses, allocate(bytes));
  return addresses;
}

/* leak_blocks(count, bytes): the same with Python's own allocator. */
static PyObject *leak_blocks(PyObject *self, PyObject *arguments) {
  Py_ssize_t count, bytes;
  if (!PyArg_ParseTuple(arguments, "nn", &count, &bytes)) return NULL;
  PyObject *addresses = PyList_New(0);
  for (Py_ssize_t index = 0; index < count; index++) {
    void *memory = PyMem_Malloc(bytes);
    memset(memory, 0xa5, bytes);
    append(addresses, memory);
  }
  return addresses;
}

/* leak_chain(count, bytes): each points at the one before, and nothing at the last. */
static PyObject *leak_chain(PyObject *self, PyObject *arguments) {
  Py_ssize_t count, bytes;
  if (!PyArg_ParseTuple(arguments, "nn", &count, &bytes)) return NULL;
  PyObject *addresses = PyList_New(0);
  allocate_chain(count, bytes, addresses);
  return addresses;
}

/* hold_chain(count, bytes): the same, held by a static variable. */
static PyObject *hold_chain(PyObject *self, PyObject *arguments) {
  Py_ssize_t count, bytes;
  if (!PyArg_ParseTuple(arguments, "nn", &count, &bytes)) return NULL;
  PyObject *addresses = PyList_New(0);
  chain = allocate_chain(count, bytes, addresses);
  return addresses;
}

/* hold_middle(bytes): a static variable points into the middle. */
static PyObject *hold_middle(PyObject *self, PyObject *arguments) {
  Py_ssize_t bytes;
  if (!PyArg_ParseTuple(arguments, "n", &bytes)) return NULL;
  PyObject *addresses = PyList_New(0);
  char *memory = allocate(bytes);
  append(addresses, memory);
  middle = memory + bytes / 2;
  return addresses;
}

/* hold_thread_local(bytes): thread-local data of the caller points at it. */
static PyObject *hold_thread_local(PyObject *self, PyObject *arguments) {
  Py_ssize_t bytes;
  if (!PyArg_ParseTuple(arguments, "n", &bytes)) return NULL;
  PyObject *addresses = PyList_New(0);
  thread_local = allocate(bytes);
  append(addresses, thread_local);
  return addresses;
}

static Py_ssize_t stack_bytes;
static volatile int stack_ready;

static void *run(void *address) {
  /* Only this frame knows it. */
  void *volatile memory = allocate(stack_bytes);
  *(uintptr_t *)address = ~(uintptr_t)memory;
  stack_ready = 1;
  for (;;) pause();
  return memory;
}

/* hold_stack(bytes): the stack of a new thread points at it. */
static PyObject *hold_stack(PyObject *self, PyObject *arguments) {
  pthread_t thread;
  static uintptr_t inverted;
  if (!PyArg_ParseTuple(arguments, "n", &stack_bytes)) return NULL;
  if (pthread_create(&thread, NULL, run, &inverted) != 0) return PyErr_NoMemory();
  while (!stack_ready) usleep(1000);
  PyObject *addresses = PyList_New(0);
  append(addresses, (void *)~inverted);
  return addresses;
}

/* release(count, bytes): freed again. */
static PyObject *release(PyObject *self, PyObject *arguments) {
  Py_ssize_t count, bytes;
  if (!PyArg_ParseTuple(arguments, "nn", &count, &bytes)) return NULL;
  for (Py_ssize_t index = 0; index < count; index++) free(allocate(bytes));
  return PyList_New(0);
}

static void free_capsule(PyObject *capsule) { free(PyCapsule_GetPointer(capsule, NULL)); }

/* capsule(bytes): a capsule and the address of its payload. */
static PyObject *capsule(PyObject *self, PyObject *arguments) {
  Py_ssize_t bytes;
  if (!PyArg_ParseTuple(arguments, "n", &bytes)) return NULL;
  void *memory = allocate(bytes);
  return Py_BuildValue("NN", PyCapsule_New(memory, NULL, free_capsule), PyLong_FromVoidPtr(memory));
}

/* An object whose structure points at a chain, and into the middle of another allocation. */
typedef struct {
  PyObject_HEAD
  struct node *chain;
  char *middle;
} Holder;

static void holder_dealloc(PyObject *self) { PyObject_Free(self); }

static PyTypeObject holder_type = {
  PyVarObject_HEAD_INIT(NULL, 0)
  .tp_name = "leaky.Holder",
  .tp_basicsize = sizeof(Holder),
  .tp_dealloc = holder_dealloc,
  .tp_flags = Py_TPFLAGS_DEFAULT,
};

/* holder(count, bytes, middle_bytes): a Holder, and the addresses of its chain and its other allocation. */
static PyObject *holder(PyObject *self, PyObject *arguments) {
  Py_ssize_t count, bytes, middle_bytes;
  if (!PyArg_ParseTuple(arguments, "nnn", &count, &bytes, &middle_bytes)) return NULL;
  PyObject *addresses = PyList_New(0);
  Holder *made = PyObject_New(Holder, &holder_type);
  made->chain = allocate_chain(count, bytes, addresses);
  char *memory = allocate(middle_bytes);
  append(addresses, memory);
  made->middle = memory + middle_bytes / 2;
  return Py_BuildValue("NN", made, addresses);
}

static PyMethodDef functions[] = {
  {"leak", leak, METH_VARARGS, NULL},
  {"leak_blocks", leak_blocks, METH_VARARGS, NULL},
  {"leak_chain", leak_chain, METH_VARARGS, NULL},
  {"hold_chain", hold_chain, METH_VARARGS, NULL},
  {"hold_middle", hold_middle, METH_VARARGS, NULL},
  {"hold_thread_local", hold_thread_local, METH_VARARGS, NULL},
  {"hold_stack", hold_stack, METH_VARARGS, NULL},
  {"release", release, METH_VARARGS, NULL},
  {"capsule", capsule, METH_VARARGS, NULL},
  {"holder", holder, METH_VARARGS, NULL},
  {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "leaky", .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit_leaky(void) {
  return PyType_Ready(&holder_type) < 0 ? NULL : PyModule_Create(&definition);
}
