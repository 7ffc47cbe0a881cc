// Open MPI's handles are casts inside macros, which Swift cannot import: each one used gets a function.
#pragma once
#include <mpi.h>

static inline MPI_Comm pg_mpi_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Datatype pg_mpi_byte(void) { return MPI_BYTE; }
static inline MPI_Datatype pg_mpi_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype pg_mpi_uint16(void) { return MPI_UINT16_T; }
static inline MPI_Datatype pg_mpi_int64(void) { return MPI_INT64_T; }
static inline MPI_Datatype pg_mpi_uint64(void) { return MPI_UINT64_T; }
static inline MPI_Op pg_mpi_min(void) { return MPI_MIN; }
static inline MPI_Errhandler pg_mpi_errors_return(void) { return MPI_ERRORS_RETURN; }
static inline MPI_Info pg_mpi_info_null(void) { return MPI_INFO_NULL; }
static inline int pg_mpi_comm_type_shared(void) { return MPI_COMM_TYPE_SHARED; }
static inline MPI_Status *pg_mpi_status_ignore(void) { return MPI_STATUS_IGNORE; }
static inline int pg_mpi_any_source(void) { return MPI_ANY_SOURCE; }
static inline int pg_mpi_any_tag(void) { return MPI_ANY_TAG; }
static inline int pg_mpi_undefined(void) { return MPI_UNDEFINED; }
