#include "jpeg_smoothing.h"

#include <string.h>

// A block's first AC coefficients are estimated from the DC coefficients of the 5 x 5 blocks around it, where they are
// zero and no scan gave them in full. The weights below are those of libjpeg-turbo 3 (jdcoefct.c); rows of a window go
// from the top, the block itself is in the middle.

enum { WINDOW = 25, ESTIMATED = 10 };

typedef struct {
    /// Index of the coefficient in the natural order.
    int position;
    /// Weights where no scan gave any of the AC coefficients, and otherwise.
    int without_ac[WINDOW];
    int with_ac[WINDOW];
} estimate;

// In zigzag order from the first AC coefficient on. Those after the fifth are estimated only where there is no AC at all.
static const estimate estimates[ESTIMATED - 1] = {
    {1,
     {-1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1},
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -7, 50, 0, -50, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {8,
     {-1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1},
     {0, 0, -7, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, -50, 0, 0, 0, 0, 7, 0, 0}},
    {16,
     {0, 0, 1, 0, 0, 0, 2, 7, 2, 0, 0, -5, -14, -5, 0, 0, 2, 7, 2, 0, 0, 0, 1, 0, 0},
     {0, 0, -1, 0, 0, 0, 0, 13, 0, 0, 0, 0, -24, 0, 0, 0, 0, 13, 0, 0, 0, 0, -1, 0, 0}},
    {9,
     {-1, 0, 0, 0, 1, 0, 9, 0, -9, 0, 0, 0, 0, 0, 0, 0, -9, 0, 9, 0, 1, 0, 0, 0, -1},
     {0, -1, 0, 1, 0, -1, 10, 0, -10, 1, 0, 0, 0, 0, 0, 1, -10, 0, 10, -1, 0, 1, 0, -1, 0}},
    {2,
     {0, 0, 0, 0, 0, 0, 2, -5, 2, 0, 1, 7, -14, 7, 1, 0, 2, -5, 2, 0, 0, 0, 0, 0, 0},
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 13, -24, 13, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {3, {0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, 2, 0, -2, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0}, {0}},
    {10, {0, 0, 0, 0, 0, 0, 1, -3, 1, 0, 0, 0, 0, 0, 0, 0, -1, 3, -1, 0, 0, 0, 0, 0, 0}, {0}},
    {17, {0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, -3, 0, 3, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0}, {0}},
    {24, {0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, -1, -2, -1, 0, 0, 0, 0, 0, 0}, {0}},
};

static const int dc_weights[WINDOW] = {-2, -6, -8, -6, -2, -6, 6, 42, 6, -6, -8, 42, 152, 42, -8, -6, 6, 42, 6, -6, -2,
                                       -6, -8, -6, -2};

static long weighted_sum(const int weights[WINDOW], const JCOEF dc[WINDOW]) {
    long sum = 0;
    for (int i = 0; i < WINDOW; i++) sum += (long)weights[i] * dc[i];
    return sum;
}

/// The sum as a multiple of the coefficient's quantizer, rounded half away from zero, and kept below what the known bits
/// (above bit `known`) would show; `known` <= 0: not limited.
static JCOEF scaled(long sum, long dc_quantizer, long quantizer, int known) {
    long amount = (sum < 0 ? -sum : sum) * dc_quantizer;
    long value = ((quantizer << 7) + amount) / (quantizer << 8);
    if (known > 0 && value >= 1L << known) value = (1L << known) - 1;
    return (JCOEF)(sum < 0 ? -value : value);
}

static int has_quantizers(const jpeg_component_info *component) {
    const JQUANT_TBL *table = component->quant_table;
    if (!table || table->quantval[0] == 0) return 0;
    for (int i = 0; i < ESTIMATED - 1; i++)
        if (table->quantval[estimates[i].position] == 0) return 0;
    return 1;
}

/// Whether some estimated coefficient is not known in full, and everything that an estimate needs is.
static int is_useful(j_decompress_ptr info) {
    if (!info->progressive_mode || !info->coef_bits || !info->coef->coef_arrays) return 0;
    int useful = 0;
    for (int c = 0; c < info->num_components; c++) {
        if (!has_quantizers(info->comp_info + c) || info->coef_bits[c][0] < 0) return 0;
        for (int i = 1; i < ESTIMATED; i++) useful |= info->coef_bits[c][i] != 0;
    }
    return useful;
}

/// Estimates one block. `bits`: for each coefficient in zigzag order the lowest bit known, -1 for none.
static void smooth_block(JCOEFPTR block, const JCOEF dc[WINDOW], const int *bits, const JQUANT_TBL *table) {
    int without_ac = 1;
    for (int i = 1; i < ESTIMATED; i++) without_ac &= bits[i] == -1;
    long dc_quantizer = table->quantval[0];
    for (int i = 0; i < (without_ac ? ESTIMATED - 1 : 5); i++) {
        const estimate *e = estimates + i;
        if (bits[i + 1] == 0 || block[e->position] != 0) continue;
        long sum = weighted_sum(without_ac ? e->without_ac : e->with_ac, dc);
        block[e->position] = scaled(sum, dc_quantizer, table->quantval[e->position], bits[i + 1]);
    }
    if (without_ac) block[0] = scaled(weighted_sum(dc_weights, dc), dc_quantizer, dc_quantizer, 0);
}

static JBLOCKROW block_row(j_decompress_ptr info, int component, JDIMENSION row) {
    return info->mem->access_virt_barray((j_common_ptr)info, info->coef->coef_arrays[component], row, 1, TRUE)[0];
}

/// Blocks of the picture in a row of MCUs, for one component.
static JDIMENSION rows_in_mcu_row(j_decompress_ptr info, const jpeg_component_info *component, JDIMENSION mcu_row) {
    JDIMENSION rest = component->height_in_blocks % component->v_samp_factor;
    return mcu_row + 1 < info->total_iMCU_rows || rest == 0 ? (JDIMENSION)component->v_samp_factor : rest;
}

/// The rows of DC coefficients that the window of a row of blocks covers. The library counts a row by its MCU row and the
/// number of rows in that, which in the last MCU row may be fewer; so at the edge rows repeat earlier than they must.
static void window_rows(
    j_decompress_ptr info, const jpeg_component_info *component, JDIMENSION mcu_row, JDIMENSION row, JDIMENSION rows[5]) {
    JDIMENSION block_rows = rows_in_mcu_row(info, component, mcu_row);
    JDIMENSION actual = mcu_row * component->v_samp_factor + row;
    JDIMENSION counted = mcu_row * block_rows + row, end = block_rows * info->total_iMCU_rows;
    rows[2] = actual;
    rows[1] = counted > 0 ? actual - 1 : actual;
    rows[0] = counted > 1 ? actual - 2 : rows[1];
    rows[3] = counted + 1 < end ? actual + 1 : actual;
    rows[4] = counted + 2 < end ? actual + 2 : rows[3];
}

static void smooth_component(j_decompress_ptr info, int index) {
    const jpeg_component_info *component = info->comp_info + index;
    JDIMENSION width = component->width_in_blocks;
    JDIMENSION stored_rows = info->total_iMCU_rows * component->v_samp_factor;
    // All DC coefficients, because estimates take the original ones of blocks that were smoothed before.
    JCOEF *dc = info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, (size_t)width * stored_rows * sizeof(JCOEF));
    for (JDIMENSION y = 0; y < stored_rows; y++) {
        JBLOCKROW blocks = block_row(info, index, y);
        for (JDIMENSION x = 0; x < width; x++) dc[(size_t)y * width + x] = blocks[x][0];
    }
    const int *bits = info->coef_bits[index];
    int none[DCTSIZE2];
    memset(none, -1, sizeof none);
    // Where the last scan ends early, the rows behind are known as well as the scans before it made them.
    const int *bits_before = info->input_scan_number > 1 ? info->coef_bits[index + info->num_components] : none;
    for (JDIMENSION mcu_row = 0; mcu_row < info->total_iMCU_rows; mcu_row++) {
        const int *known = mcu_row > info->master->last_good_iMCU_row ? bits_before : bits;
        for (JDIMENSION row = 0; row < rows_in_mcu_row(info, component, mcu_row); row++) {
            JDIMENSION rows[5];
            window_rows(info, component, mcu_row, row, rows);
            JBLOCKROW blocks = block_row(info, index, rows[2]);
            for (JDIMENSION x = 0; x < width; x++) {
                JCOEF window[WINDOW];
                for (int i = 0; i < WINDOW; i++) {
                    long column = (long)x + i % 5 - 2;
                    column = column < 0 ? 0 : column >= (long)width ? (long)width - 1 : column;
                    window[i] = dc[(size_t)rows[i / 5] * width + (size_t)column];
                }
                smooth_block(blocks[x], window, known, component->quant_table);
            }
        }
    }
}

boolean pg_jpeg_smooth(j_decompress_ptr info) {
    if (!is_useful(info)) return FALSE;
    for (int c = 0; c < info->num_components; c++) smooth_component(info, c);
    return TRUE;
}
