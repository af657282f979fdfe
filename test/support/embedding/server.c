/* A C server with a Python inside: started as `server CODE`, it exports nothing of the interpreter that it is linked with. */
#include <Python.h>
#include <sys/prctl.h>

#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    prctl(PR_SET_PTRACER, -1L, 0, 0, 0);
    /* The site module would load extension modules, which need symbols of the interpreter. */
    Py_NoSiteFlag = 1;
    Py_Initialize();
    return PyRun_SimpleString(argv[1]) == 0 ? 0 : 1;
}
