"""The miniature's shape, its tokenizer, and a lean forward pass for training.

The parameters live in transformers' own PaliGemmaForConditionalGeneration, so that saving is `save_pretrained`; only the
arithmetic is written anew, because at this size most of the time of transformers' forward pass is not arithmetic.
`train.py check` compares the two.

B pictures or questions, T rows, D width, N query heads, H head width, V vocabulary."""
import os

import torch
import torch.nn.functional as F

from scenes import GRID, IMAGE_SIZE, PATCH

PICTURE_ROWS = GRID * GRID
TEXT = dict(model_type="gemma", hidden_size=128, intermediate_size=512, num_hidden_layers=4, num_attention_heads=8,
            num_key_value_heads=1, head_dim=32, hidden_activation="gelu_pytorch_tanh", rope_theta=10000.0,
            rms_norm_eps=1e-6, max_position_embeddings=8192, pad_token_id=0, eos_token_id=1, bos_token_id=2)
VISION = dict(model_type="siglip_vision_model", hidden_size=128, intermediate_size=384, num_hidden_layers=4,
              num_attention_heads=4, patch_size=PATCH, image_size=IMAGE_SIZE, projection_dim=128, vision_use_head=False,
              hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6)


# --- building


def make_tokenizer(out, sentences, base_vocabulary=480):
    """tokenizer.model in Gemma's manner: BPE with byte fallback, <pad> <eos> <bos> <unk> = 0..3, and at the end the 1024
    <locDDDD> and 128 <segDDD>. The count of its pieces comes back; <image> is the token after them."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    corpus, plain = os.path.join(out, "corpus.txt"), os.path.join(out, "plain")
    alphabet = "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ .,;:!?'\"()-/"
    with open(corpus, "w") as file:
        file.write("\n".join(sentences + [alphabet] * 3))
    sentencepiece.SentencePieceTrainer.train(
        input=corpus, model_prefix=plain, vocab_size=base_vocabulary, model_type="bpe", byte_fallback=True,
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False, split_digits=True,
        pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
        unk_piece="<unk>", user_defined_symbols=["<mask>", "\n"], character_coverage=1.0, minloglevel=2)
    model = sentencepiece_model_pb2.ModelProto()
    with open(plain + ".model", "rb") as file:
        model.ParseFromString(file.read())
    del model.trainer_spec.input[:]  # where it was made is nobody's business
    model.trainer_spec.model_prefix = "tokenizer"
    for text in [f"<loc{i:04d}>" for i in range(1024)] + [f"<seg{i:03d}>" for i in range(128)]:
        piece = model.pieces.add()
        piece.piece, piece.score, piece.type = text, 0.0, sentencepiece_model_pb2.ModelProto.SentencePiece.USER_DEFINED
    with open(os.path.join(out, "tokenizer.model"), "wb") as file:
        file.write(model.SerializeToString())
    for path in (corpus, plain + ".model", plain + ".vocab"):
        os.remove(path)
    return len(model.pieces)


def load_processor(out):
    from transformers import GemmaTokenizerFast, PaliGemmaProcessor, SiglipImageProcessor

    tokenizer = GemmaTokenizerFast.from_pretrained(out)
    tokenizer.add_bos_token, tokenizer.add_eos_token = True, False
    images = SiglipImageProcessor(size=dict(height=IMAGE_SIZE, width=IMAGE_SIZE), resample=3, do_convert_rgb=True,
                                  image_mean=[0.5] * 3, image_std=[0.5] * 3)
    images.image_seq_length = PICTURE_ROWS
    return PaliGemmaProcessor(images, tokenizer)


def build(pieces, seed):
    from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration

    torch.manual_seed(seed)
    vocabulary = (pieces + 1 + 63) // 64 * 64
    model = PaliGemmaForConditionalGeneration(PaliGemmaConfig(
        text_config=dict(TEXT, vocab_size=vocabulary), vision_config=VISION, image_token_index=pieces, vocab_size=vocabulary,
        projection_dim=TEXT["hidden_size"], hidden_size=TEXT["hidden_size"], bos_token_id=2, eos_token_id=1,
        pad_token_id=0)).float()
    # transformers' deviation of 0.02 is made for wide models; at this width it starves attention for thousands of steps.
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.ndim >= 2:
                leaves_residual = name.endswith(("o_proj.weight", "down_proj.weight", "out_proj.weight", "fc2.weight"))
                p.normal_(0, p[0].numel() ** -0.5 * (0.4 if leaves_residual else 1.0))
            elif name.endswith("bias"):
                p.zero_()
    model.tie_weights()
    return model


# --- the lean forward pass


def tower_rows(model, pixels):
    """[B, 84, 84, 3] bytes -> [B, 36, 128], what transformers' vision tower calls last_hidden_state."""
    tower = getattr(model.model.vision_tower, "vision_model", model.model.vision_tower)
    width, heads = VISION["hidden_size"], VISION["num_attention_heads"]
    x = pixels.float() / 127.5 - 1
    patches = x.view(-1, GRID, PATCH, GRID, PATCH, 3).permute(0, 1, 3, 5, 2, 4).reshape(-1, PICTURE_ROWS, PATCH * PATCH * 3)
    stem = tower.embeddings.patch_embedding
    x = F.linear(patches, stem.weight.flatten(1), stem.bias) + tower.embeddings.position_embedding.weight
    for layer in tower.encoder.layers:
        attention = layer.self_attn
        h = F.layer_norm(x, (width,), layer.layer_norm1.weight, layer.layer_norm1.bias, 1e-6)
        q, k, v = (F.linear(h, p.weight, p.bias).view(-1, PICTURE_ROWS, heads, width // heads).transpose(1, 2)
                   for p in (attention.q_proj, attention.k_proj, attention.v_proj))
        h = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, PICTURE_ROWS, width)
        x = x + F.linear(h, attention.out_proj.weight, attention.out_proj.bias)
        h = F.layer_norm(x, (width,), layer.layer_norm2.weight, layer.layer_norm2.bias, 1e-6)
        h = F.gelu(F.linear(h, layer.mlp.fc1.weight, layer.mlp.fc1.bias), approximate="tanh")
        x = x + F.linear(h, layer.mlp.fc2.weight, layer.mlp.fc2.bias)
    return F.layer_norm(x, (width,), tower.post_layernorm.weight, tower.post_layernorm.bias, 1e-6)


def rms_norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + TEXT["rms_norm_eps"]) * (1 + weight)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def answer_logits(model, rows, tokens, positions, mask, first):
    """[B, 36, 128] of the tower and [B, T - 36] tokens -> logits [B, T - first, V] of the rows from `first` on.

    positions [B, T]; mask [B, 1, T, T], true where a row (third axis) may see another (fourth)."""
    language = model.model.language_model
    width, heads, head = TEXT["hidden_size"], TEXT["num_attention_heads"], TEXT["head_dim"]
    projector = model.model.multi_modal_projector.linear
    embedding = language.embed_tokens.weight
    x = torch.cat([F.linear(rows, projector.weight, projector.bias), F.embedding(tokens, embedding) * width**0.5], 1)
    count, total = x.shape[:2]
    frequencies = TEXT["rope_theta"] ** (-torch.arange(0, head, 2, dtype=torch.float32) / head)
    angles = positions[:, :, None, None] * frequencies
    cos, sin = angles.cos(), angles.sin()
    for i, layer in enumerate(language.layers):
        attention = layer.self_attn
        h = rms_norm(x, layer.input_layernorm.weight)
        k = rotate(F.linear(h, attention.k_proj.weight)[:, :, None], cos, sin).transpose(1, 2)
        v = F.linear(h, attention.v_proj.weight)[:, None]
        if i == len(language.layers) - 1:  # of the last layer, only the rows that are asked for
            x, h, cos, sin, mask = x[:, first:], h[:, first:], cos[:, first:], sin[:, first:], mask[:, :, first:]
        q = rotate(F.linear(h, attention.q_proj.weight).view(count, -1, heads, head), cos, sin).transpose(1, 2)
        h = F.scaled_dot_product_attention(q, k.expand(-1, heads, -1, -1), v.expand(-1, heads, -1, -1), attn_mask=mask)
        x = x + F.linear(h.transpose(1, 2).reshape(count, -1, heads * head), attention.o_proj.weight)
        h = rms_norm(x, layer.post_attention_layernorm.weight)
        h = F.gelu(F.linear(h, layer.mlp.gate_proj.weight), approximate="tanh") * F.linear(h, layer.mlp.up_proj.weight)
        x = x + F.linear(h, layer.mlp.down_proj.weight)
    return F.linear(rms_norm(x, language.norm.weight), embedding)


def prefix_mask(valid_prefix, answer_columns):
    """[B, S] of which prefix rows are no padding -> [B, 1, S + A, S + A]: the prefix sees all of the prefix, the answer
    also what came before in the answer."""
    count, prefix = valid_prefix.shape
    total = prefix + answer_columns
    row, column = torch.arange(total)[:, None], torch.arange(total)[None, :]
    allowed = (column < prefix) | ((row >= prefix) & (column <= row))
    valid = torch.cat([valid_prefix, torch.ones(count, answer_columns, dtype=torch.bool)], 1)
    return (allowed[None] & valid[:, None, :])[:, None]
